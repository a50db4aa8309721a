"""Rows that left the database for a file read as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine.runs import only_run, rows_file, work

from prompt_app.datamodel.access import LOCAL_PERSON, Role
from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.datamodel.labelling import LabelRubric
from prompt_app.errors import ConflictError, EvaluationError, PromptAppError, UnknownNameError
from prompt_app.interfaces import RowFilter
from prompt_app.interfaces.pairing import PairFilter
from prompt_app.workbench import Workbench

FILTERS = [
    RowFilter(),
    RowFilter(state="scored"),
    RowFilter(metric="exact_match", minimum=0.5),
    RowFilter(metric="exact_match", maximum=0.5),
    RowFilter(text="ROW 1"),
    RowFilter(text="nothing has this"),
    RowFilter(sort="position", descending=True),
    RowFilter(sort="score", metric="exact_match"),
    RowFilter(sort="score", metric="exact_match", descending=True),
    RowFilter(sort="cost"),
    RowFilter(metric_failed=True),
]


@pytest.fixture
def run(workbench: Workbench, tmp_path: Path) -> Run:
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(rows_file(tmp_path, 60))},
            "prompts": [{"name": "plain", "template": "{question}"}],
            "models": ["offline:echo"],
            "metrics": ["exact_match", "squad_f1"],
            "repeats": 2,
        }
    )
    made = only_run(workbench, spec)
    work(workbench)
    return workbench.run(made.id)


def test_archived_rows_read_as_they_did(workbench: Workbench, run: Run, tmp_path: Path) -> None:
    before = [workbench.rows(run.id, wanted, offset=5, limit=20) for wanted in FILTERS]
    row = before[0].items[3]
    values = workbench.score_values(run.id, "exact_match")
    workbench.export(run.id, tmp_path / "before.jsonl", "jsonl")
    assert workbench.archive.archive(run) == 120
    assert list(workbench.store.iterate_samples(run.id)) == []
    assert [workbench.rows(run.id, wanted, offset=5, limit=20) for wanted in FILTERS] == before
    assert workbench.row(run.id, row.key.example_id, row.key.repeat) == row
    assert workbench.score_values(run.id, "exact_match") == values
    assert workbench.summary(workbench.run(run.id)) == run.summary
    workbench.export(run.id, tmp_path / "after.jsonl", "jsonl")
    assert (tmp_path / "after.jsonl").read_text() == (tmp_path / "before.jsonl").read_text()
    with pytest.raises(UnknownNameError):
        workbench.row(run.id, "none")


def test_what_is_archived_is_not_worked_on(workbench: Workbench, run: Run) -> None:
    workbench.archive.archive(run)
    with pytest.raises(ConflictError, match="archived already"):
        workbench.archive.archive(run)
    with pytest.raises(EvaluationError, match="is archived"):
        workbench.rescore(run.id, run.spec.metrics)


@pytest.fixture
def two(workbench: Workbench, tmp_path: Path) -> list[Run]:
    """Right where the row's number is even; the other right in the first half."""
    rows = [
        {
            "answers": ["yes"],
            "topic": str(n % 3),
            "number": f"n{n}",
            "a": "no" if n % 2 else "yes",
            "b": "yes" if n < 20 else "no",
        }
        for n in range(40)
    ]
    path = tmp_path / "two.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(path)},
            "prompts": [{"name": name, "template": f"{{{name}}}"} for name in "ab"],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
            "repeats": 2,
        }
    )
    submitted = workbench.submit_evaluation(spec)
    work(workbench)
    return [workbench.run(run_id) for run_id in submitted.run_ids]


@pytest.mark.parametrize("archived", [(0,), (1,), (0, 1)])
def test_archived_runs_are_compared_reported_and_labelled_as_before(
    workbench: Workbench, two: list[Run], archived: tuple[int, ...]
) -> None:
    ids = [run.id for run in two]
    metric = "exact_match"
    queue = workbench.labelling.create("queue", ids[:1], LabelRubric())

    def asked() -> list[object]:
        labels = workbench.labelling
        first = labels.next_rows(queue.id)[0]
        kinds = [
            PairFilter(metric),
            PairFilter(metric, crossing=True),
            PairFilter(metric, text="2"),
        ]
        kinds += [PairFilter(metric, change=change) for change in ("up", "down", "any", "none")]
        contrasts = workbench.contrasts
        return [
            workbench.compare(ids).results,
            contrasts.leaderboard(ids, metric),
            contrasts.breakdown(ids, metric, "topic"),
            contrasts.call_figures(ids[0]),
            [contrasts.pairs(*ids, kind, offset=3, limit=9) for kind in kinds],
            workbench.reports.run(ids[0]),
            workbench.reports.comparison(ids),
            workbench.split_variance(ids[0], metric),
            workbench.plan_power((ids[0], ids[1]), metric, 0.1),
            (labels.row_count(queue.id), first, labels.task(queue.id, first)),
        ]

    before = asked()
    for number in archived:
        workbench.archive.archive(workbench.run(ids[number]))
    for one, other in zip(asked(), before, strict=True):
        assert one == other


def test_replies_of_other_runs_stay(workbench: Workbench, run: Run) -> None:
    evaluation = workbench.evaluation(run.evaluation_id)
    again = only_run(workbench, evaluation.spec, key="again")
    work(workbench)
    workbench.archive.archive(run)
    assert all(row.reply for row in workbench.rows(again.id).items)


def test_only_old_runs_that_ended_go(workbench: Workbench, run: Run) -> None:
    evaluation = workbench.evaluation(run.evaluation_id)
    waiting = only_run(workbench, evaluation.spec, key="again")
    assert workbench.archive.archive_older_than(1) == {}
    with pytest.raises(EvaluationError, match="only one that ended"):
        workbench.archive.archive(waiting)
    assert workbench.archive.archive_older_than(0) == {run.id: 120}


def test_only_an_admin_archives(workbench: Workbench, run: Run) -> None:
    editor = LOCAL_PERSON.model_copy(update={"role": Role.EDITOR})
    with pytest.raises(PromptAppError, match="archive runs"):
        workbench.acting_as(editor).archive.archive(run)
