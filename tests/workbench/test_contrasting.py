"""Several runs beside each other: ranks, ties, groups, words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from engine.runs import work
from hypothesis import given
from hypothesis import strategies as some

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench
from prompt_app.workbench.grouping import NO_VALUE
from prompt_app.workbench.word_diff import MOST_TOKENS, word_diff

Three = Callable[..., list[str]]


@pytest.fixture
def three(workbench: Workbench, tmp_path: Path) -> Three:
    """Ids of runs that answer right where ``rights`` says so, one text of 0 and 1 each."""

    def submitted(rights: Sequence[str], **changes: object) -> list[str]:
        rows = [
            {
                "id": f"r{n}",
                "answers": ["yes"],
                "topic": "even" if n % 2 == 0 else "odd",
                **{f"p{k}": "yes" if each[n] == "1" else "no" for k, each in enumerate(rights)},
            }
            for n in range(len(rights[0]))
        ]
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        data = {
            "dataset": {"path": str(path), "options": {"id_field": "id"}},
            "prompts": [{"name": f"p{k}", "template": f"{{p{k}}}"} for k in range(len(rights))],
            "models": ["offline:echo"],
            "metrics": ["exact_match", "length_words"],
        }
        evaluation = workbench.submit_evaluation(EvaluationSpec.model_validate({**data, **changes}))
        work(workbench)
        return list(evaluation.run_ids)

    return submitted


def test_a_run_that_cannot_be_told_apart_shares_the_rank(
    workbench: Workbench, three: Three
) -> None:
    bad, good, nearly = three(["0" * 30 + "1" * 10, "1" * 36 + "0" * 4, "1" * 34 + "0" * 6])
    board = workbench.contrasts.leaderboard([bad, good, nearly], "exact_match")
    assert [(each.run.id, each.rank) for each in board.standings] == [
        (good, 1),
        (nearly, 1),
        (bad, 3),
    ]
    assert board.standings[0].tied_with == (nearly,)
    assert board.standings[2].tied_with == ()
    assert board.standings[0].mean == 0.9
    assert board.standings[0].interval is not None
    assert board.examples == 40


def test_a_metric_without_a_better_direction_ranks_nobody(
    workbench: Workbench, three: Three
) -> None:
    runs = three(["1" * 10, "0" * 10])
    board = workbench.contrasts.leaderboard(runs, "length_words")
    assert [each.rank for each in board.standings] == [None, None]


def test_groups_show_where_a_difference_lies(workbench: Workbench, three: Three) -> None:
    before, after = three(["0" * 60, "10" * 30])
    assert workbench.contrasts.group_fields(before)[0] == "topic"
    broken = workbench.contrasts.breakdown([before, after], "exact_match", "topic")
    found = {group.name: group for group in broken.groups}
    assert found["even"].means == {before: 0.0, after: 1.0}
    assert [each.verdict for each in found["even"].results] == ["better"]
    assert [each.verdict for each in found["odd"].results] == ["no_detectable_difference"]
    assert broken.left_out == 0


def test_rows_without_the_field_are_a_group_of_their_own(
    workbench: Workbench, tmp_path: Path
) -> None:
    path = tmp_path / "some.jsonl"
    rows = [{"q": "yes", "answers": ["yes"]} | ({"kind": "a"} if n else {}) for n in range(3)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": str(path),
            "prompts": [{"name": n, "template": n + " {q}"} for n in ("x", "y")],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
    )
    runs = workbench.submit_evaluation(spec).run_ids
    work(workbench)
    broken = workbench.contrasts.breakdown(runs, "exact_match", "kind")
    assert [group.name for group in broken.groups] == ["a", NO_VALUE]
    with pytest.raises(EvaluationError, match=r"No row of .* has a value of 'nothing'"):
        workbench.contrasts.breakdown(runs, "exact_match", "nothing")


def test_what_calls_of_a_run_took(workbench: Workbench, three: Three) -> None:
    took = workbench.contrasts.calls(three(["1" * 5])[0])
    assert (took.samples, took.cost_usd) == (5, 0.0)
    assert took.latency_median is not None
    assert took.latency_95th is not None
    assert took.latency_95th >= took.latency_median >= 0


def test_a_leaderboard_takes_runs_that_have_the_metric(workbench: Workbench, three: Three) -> None:
    runs = three(["1" * 5, "0" * 5])
    with pytest.raises(EvaluationError, match="has no metric 'bleu'"):
        workbench.contrasts.leaderboard(runs, "bleu")
    with pytest.raises(EvaluationError, match="at least two runs"):
        workbench.contrasts.leaderboard([runs[0], runs[0]], "exact_match")


def test_changed_words_are_marked() -> None:
    before, after = word_diff("The cat sat.", "The dog sat.")
    assert [(each.text, each.changed) for each in before] == [
        ("The ", False), ("cat", True), (" sat.", False),
    ]  # fmt: skip
    assert [each.text for each in after if each.changed] == ["dog"]


@given(some.text("ab .\n", max_size=60), some.text("ab .\n", max_size=60))
def test_the_pieces_make_up_the_texts(before: str, after: str) -> None:
    first, second = word_diff(before, after)
    assert "".join(each.text for each in first) == before
    assert "".join(each.text for each in second) == after
    kept = [[each.text for each in side if not each.changed] for side in (first, second)]
    assert "".join(kept[0]) == "".join(kept[1])


def test_long_texts_are_not_compared_word_by_word() -> None:
    long = "a " * MOST_TOKENS
    assert [each.changed for side in word_diff(long, long + "b") for each in side] == [True, True]
