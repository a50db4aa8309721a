"""Rows that left the database for a file read as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from engine.runs import only_run, rows_file, work

from prompt_app.datamodel.access import LOCAL_PERSON, Role
from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.datamodel.finetuning import TrainingSource
from prompt_app.datamodel.labelling import LabelRubric
from prompt_app.errors import (
    BlobError,
    ConflictError,
    EvaluationError,
    PromptAppError,
    UnknownNameError,
)
from prompt_app.interfaces import RowFilter
from prompt_app.interfaces.pairing import PairFilter
from prompt_app.workbench import Workbench, archiving
from prompt_app.workbench.exporting import ExportFormat
from prompt_app.workbench.failures import Failures

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
    exports: tuple[ExportFormat, ...] = ("jsonl", "csv", "parquet")
    for kind in exports:
        workbench.export(run.id, tmp_path / f"before.{kind}", kind)
    assert workbench.archive.archive(run) == 120
    assert list(workbench.store.iterate_samples(run.id)) == []
    assert [workbench.rows(run.id, wanted, offset=5, limit=20) for wanted in FILTERS] == before
    assert workbench.row(run.id, row.key.example_id, row.key.repeat) == row
    assert workbench.score_values(run.id, "exact_match") == values
    assert workbench.summary(workbench.run(run.id)) == run.summary
    for kind in exports:
        workbench.export(run.id, tmp_path / f"after.{kind}", kind)
        assert same_rows(tmp_path / f"after.{kind}", tmp_path / f"before.{kind}")
    with pytest.raises(UnknownNameError):
        workbench.row(run.id, "none")


def same_rows(one: Path, other: Path) -> bool:
    if one.suffix == ".parquet":
        return bool(pq.read_table(one).equals(pq.read_table(other)))
    return one.read_bytes() == other.read_bytes()


def test_a_page_of_an_archived_run_reads_the_groups_that_it_stands_in(
    workbench: Workbench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "GROUP", 10)
    workbench.archive.archive(run)
    read: list[int] = []
    one_group = pq.ParquetFile.read_row_group

    def counted(file: pq.ParquetFile, group: int, columns: list[str]) -> Any:
        read.append(group)
        return one_group(file, group, columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    rows = workbench.rows(run.id, RowFilter(), offset=35, limit=10)
    assert ([row.position for row in rows.items][:2], rows.total, read) == ([17, 18], 120, [3, 4])


def test_a_metric_that_an_archived_run_has_not_scores_nothing(
    workbench: Workbench, run: Run
) -> None:
    wanted = [RowFilter(metric="rouge", sort="score"), RowFilter(metric="rouge", minimum=0.0)]
    before = [workbench.rows(run.id, each) for each in wanted]
    workbench.archive.archive(run)
    assert [workbench.rows(run.id, each) for each in wanted] == before
    assert workbench.score_values(run.id, "rouge") == []


@pytest.mark.parametrize("left", [None, 500, -4000])
def test_a_file_that_is_gone_or_damaged_is_named_with_what_to_do(
    workbench: Workbench, run: Run, left: int | None, tmp_path: Path
) -> None:
    """``left``: how many of its bytes are, from its begin or its end."""
    workbench.archive.archive(run)
    (file,) = (workbench.settings.data_dir / "files" / "archive").iterdir()
    whole = file.read_bytes()
    file.unlink()
    if left is not None:
        file.write_bytes(whole[:left] if left > 0 else whole[left:])
    for look in (
        lambda: workbench.rows(run.id, RowFilter()),
        lambda: workbench.row(run.id, "none"),
        lambda: workbench.export(run.id, tmp_path / "rows.csv", "csv"),
    ):
        with pytest.raises(BlobError, match=rf"{file.name}.* PROMPT_APP_BLOB_URL"):
            look()
    assert workbench.error_counts(run.id) == {}
    assert workbench.summary(workbench.run(run.id)) == run.summary


def test_datasets_and_training_files_are_made_of_archived_rows_too(
    workbench: Workbench, two: list[Run]
) -> None:
    run, metric = two[0], "exact_match"
    source = TrainingSource(runs=(run.id,), metric=metric, at_least=0.5)
    lowest = Failures(metric=metric, at_most=0.5)
    examples = list(workbench.finetuning.examples(source))
    workbench.archive.archive(run)
    assert list(workbench.finetuning.examples(source)) == examples
    assert len(examples) == 20
    assert workbench.curation.collect_failures(run, lowest, "low").added == 20


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
