"""What people do to datasets: edits, splits, differences, rows collected from runs, other names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine.runs import work

from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.errors import ConflictError, DatasetError, InputError
from prompt_app.workbench import Workbench
from prompt_app.workbench.dataset_difference import compare_keys, field_changes
from prompt_app.workbench.editing import RowEdits
from prompt_app.workbench.failures import Failures
from prompt_app.workbench.profiling import profile_fields


@pytest.fixture
def quiz(workbench: Workbench, tmp_path: Path) -> DatasetVersion:
    path = tmp_path / "quiz.jsonl"
    rows = [{"q": f"question {n}", "answers": [f"answer {n}"]} for n in range(20)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return workbench.import_dataset(path)


def test_edits_make_the_next_version(workbench: Workbench, quiz: DatasetVersion) -> None:
    rows = workbench.examples(quiz)
    edits = RowEdits(
        changed={rows[2].id: {"q": "changed"}},
        removed=frozenset([rows[4].id]),
        added=({"q": "new", "answers": ["x"]},),
    )
    saved = workbench.curation.save_edits(quiz, edits, "why")
    assert (saved.number, saved.rows, saved.note) == (2, 20, "why")
    after = list(workbench.curation.rows(saved))
    assert after[2].fields == {"q": "changed", "answers": ["answer 2"]}
    assert after[2].id != rows[2].id
    assert after[4].fields["q"] == "question 5"
    assert after[-1].fields["q"] == "new"
    found = workbench.curation.difference(quiz, saved)
    assert (found.changed, found.removed, found.added) == (((2, 2),), (4,), (19,))
    assert found.same == 18
    (old,), (new,) = (workbench.curation.rows_at(each, [2]) for each in (quiz, saved))
    (change,) = field_changes(old, new)
    assert (change.name, change.before, change.after) == ("q", "question 2", "changed")


def test_edits_of_an_older_version_are_refused(workbench: Workbench, quiz: DatasetVersion) -> None:
    rows = workbench.examples(quiz)
    workbench.curation.save_edits(quiz, RowEdits({rows[0].id: {"q": "first"}}))
    with pytest.raises(ConflictError, match="quiz@2 was saved meanwhile"):
        workbench.curation.save_edits(quiz, RowEdits({rows[1].id: {"q": "second"}}))
    newest = workbench.dataset("quiz")
    merged = workbench.curation.save_edits(newest, RowEdits({rows[1].id: {"q": "second"}}))
    assert [row.fields["q"] for row in workbench.examples(merged)][:2] == ["first", "second"]


def test_edits_of_rows_that_are_gone_are_told(workbench: Workbench, quiz: DatasetVersion) -> None:
    with pytest.raises(DatasetError, match="1 edited rows are not in this version"):
        workbench.curation.save_edits(quiz, RowEdits({"gone": {"q": "x"}}))


def test_an_edit_that_breaks_a_row_is_refused(workbench: Workbench) -> None:
    workbench.load_examples()
    version = workbench.dataset("geography")
    first, second = workbench.examples(version, limit=2)
    with pytest.raises(DatasetError, match=f"Row 2: the id '{first.id}' was used before"):
        workbench.curation.save_edits(version, RowEdits({second.id: {"id": first.id}}))


def test_splits_are_the_same_for_the_same_seed(workbench: Workbench, quiz: DatasetVersion) -> None:
    dealt = workbench.curation.deal_splits(quiz, {"dev": 0.3, "test": 0.7}, 5)
    assert sum(dealt.split_rows.values()) == 20
    assert set(dealt.split_rows) == {"dev", "test"}
    splits = {row.id: row.split for row in workbench.curation.rows(dealt)}
    undealt = workbench.curation.deal_splits(dealt, {}, 0)
    assert undealt.split_rows == {}
    again = workbench.curation.deal_splits(undealt, {"test": 0.7, "dev": 0.3}, 5)
    assert {row.id: row.split for row in workbench.curation.rows(again)} == splits
    with pytest.raises(DatasetError, match="add up to at most 1"):
        workbench.curation.deal_splits(again, {"a": 0.8, "b": 0.4}, 1)
    with pytest.raises(InputError, match="cannot be a split's name"):
        workbench.curation.deal_splits(again, {"../etc": 0.5}, 1)


def test_rows_that_went_and_came_at_one_place_are_one_that_changed() -> None:
    before = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
    after = [("a", 1), ("B", 5), ("new", 6), ("c", 3)]
    by_place = compare_keys(before, after, by_place=True)
    assert (by_place.changed, by_place.added, by_place.removed) == (((1, 1),), (2,), (3,))
    by_id = compare_keys(before, after, by_place=False)
    assert (by_id.changed, by_id.added, by_id.removed) == ((), (1, 2), (1, 3))
    assert by_id.same == by_place.same == 2


def test_a_row_with_its_id_and_other_content_has_changed() -> None:
    found = compare_keys([("a", 1), ("b", 2)], [("b", 3), ("a", 1)], by_place=False)
    assert (found.changed, found.added, found.removed, found.same) == (((1, 0),), (), (), 1)


def test_a_profile_counts_kinds_and_lengths() -> None:
    fields = [
        {"text": "abc", "n": 1, "nested": {"deep": True}, "list": [1, 2]},
        {"text": " ", "n": 2.5, "nested": {"deep": None}, "list": []},
        {"text": None, "nested": {"deep": False}},
    ]
    rows = [Example(id=str(n), position=n, fields=each) for n, each in enumerate(fields)]
    found = {each.path: each for each in profile_fields(rows)}
    assert list(found) == ["text", "n", "nested", "nested.deep", "list"]
    text = found["text"]
    assert text.kinds == {"text": 2, "null": 1}
    assert (text.filled, text.rows, text.shortest, text.longest) == (1, 3, 1, 3)
    assert text.mean_length == 2
    assert found["n"].kinds == {"number": 2}
    assert found["n"].fill_rate == pytest.approx(2 / 3)
    assert found["nested.deep"].kinds == {"truth value": 2, "null": 1}
    assert (found["list"].filled, found["list"].shortest, found["list"].longest) == (1, 0, 2)
    assert found["n"].distinct == 2


def test_failures_of_a_run_become_a_dataset_that_grows(
    workbench: Workbench, quiz: DatasetVersion
) -> None:
    spec = EvaluationSpec.model_validate(
        {
            "dataset": "quiz",
            "prompts": [{"name": "echo", "template": "{q}"}],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
    )
    (run_id,) = workbench.submit_evaluation(spec).run_ids
    work(workbench)
    run = workbench.run(run_id)
    with pytest.raises(DatasetError, match="In no row"):
        workbench.curation.collect_failures(run, Failures(), "bad")
    with pytest.raises(InputError, match="Say which rows"):
        workbench.curation.collect_failures(run, Failures(failed=False), "bad")
    low = Failures(metric="exact_match", at_most=0.5)
    found = workbench.curation.collect_failures(run, low, "bad")
    assert (found.added, found.already_there, found.version.rows) == (20, 0, 20)
    assert found.version.source == f"run {run_id}"
    assert "exact_match is at most 0.5" in found.version.note
    rows = workbench.examples(found.version)
    assert rows[0].fields == {"q": "question 0", "answers": ["answer 0"]}
    fewer = workbench.curation.save_edits(
        found.version, RowEdits(removed=frozenset(row.id for row in rows[:3]))
    )
    again = workbench.curation.collect_failures(run, low, "bad")
    assert (again.added, again.already_there) == (3, 17)
    assert again.version.number == fewer.number + 1
    nothing = workbench.curation.collect_failures(run, low, "bad")
    assert (nothing.added, nothing.version) == (0, again.version)


def test_a_renamed_dataset_keeps_its_versions(workbench: Workbench, quiz: DatasetVersion) -> None:
    rows = workbench.examples(quiz)
    workbench.curation.save_edits(quiz, RowEdits({rows[0].id: {"q": "x"}}), "second")
    renamed = workbench.curation.rename("quiz", " trivia ")
    assert [each.name for each in workbench.list_datasets()] == ["trivia"]
    assert (renamed.number, renamed.note) == (2, "second")
    assert [each.number for each in workbench.dataset_versions("trivia")] == [2, 1]
    assert workbench.curation.is_archived("quiz")
    with pytest.raises(ConflictError, match="There is a dataset 'quiz' already"):
        workbench.curation.rename("trivia", "quiz")
    workbench.curation.restore("quiz")
    assert not workbench.curation.is_archived("quiz")
    assert workbench.dataset("quiz").options == DatasetOptions()
