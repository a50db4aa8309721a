"""Long work tells how far it is, and leaves nothing behind where somebody stops it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from engine.runs import rows_file, work

from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces.watching import WorkStopped, tell, told_of, watched_by
from prompt_app.workbench import Workbench
from prompt_app.workbench.editing import RowEdits
from prompt_app.workbench.failures import Failures

Told = list[tuple[str, int, int | None]]


@pytest.fixture
def runs(workbench: Workbench) -> list[str]:
    """Two finished runs of the example."""
    workbench.load_examples()
    found = workbench.submit_evaluation(workbench.example_evaluation()).run_ids
    work(workbench)
    return list(found)


def test_nobody_need_watch() -> None:
    tell("rows", 1)
    assert list(told_of("abc", "letters")) == ["a", "b", "c"]


def test_one_in_so_many_is_told() -> None:
    told: Told = []
    with watched_by(lambda *each: told.append(each)):
        list(told_of(range(5), "rows", 5, every=2))
    tell("rows", 6)
    assert told == [("rows", 0, 5), ("rows", 2, 5), ("rows", 4, 5)]


def works(
    bench: Workbench, runs: list[str], given: Path, folder: Path
) -> dict[str, Callable[[], object]]:
    """Whatever the studio lets a person wait for."""
    version = bench.dataset("geography")
    rows = bench.examples(version)
    curation = bench.curation
    low = Failures(failed=False, unscored=False, metric=bench.run(runs[0]).spec.metrics[0].key,
                   at_most=1.0)  # fmt: skip
    prompt = bench.list_prompts()[0]
    spec = EvaluationSpec.model_validate(
        {"dataset": "geography", "prompts": [prompt.name], "models": ["offline:echo"],
         "metrics": ["exact_match"]}
    )  # fmt: skip
    return {
        "check": lambda: bench.check_dataset(rows_file(given, 300), DatasetOptions()),
        "edits": lambda: curation.save_edits(version, RowEdits({rows[0].id: {"topic": "x"}})),
        "splits": lambda: curation.deal_splits(bench.dataset("geography"), {"dev": 0.5}, 1),
        "difference": lambda: curation.difference(version, version),
        "schema": lambda: curation.profile(version),
        "failures": lambda: curation.collect_failures(bench.run(runs[0]), low, "low"),
        "export of rows": lambda: curation.export(version, folder / "rows", "promptfoo"),
        "export of a run": lambda: bench.export(runs[0], folder / "run", "csv"),
        "comparison": lambda: bench.compare(runs),
        "leaderboard": lambda: bench.contrasts.leaderboard(runs, low.metric),
        "groups": lambda: bench.contrasts.breakdown(runs, low.metric, "topic"),
        "report of a comparison": lambda: bench.reports.comparison(runs),
        "quote": lambda: bench.quote(spec),
        "backup": lambda: bench.backups.write(folder / "backup"),
        "import": lambda: bench.import_dataset(rows_file(given, 300), name="imported"),
        "rename": lambda: curation.rename("geography", "new"),
        "restore": lambda: bench.backups.restore(given / "backup", replace=True),
    }


def test_work_that_is_stopped_leaves_nothing(
    workbench: Workbench, runs: list[str], tmp_path: Path
) -> None:
    workbench.backups.write(tmp_path / "backup")
    folder = tmp_path / "files"
    folder.mkdir()
    names = [(each.name, each.number) for each in workbench.list_datasets()]

    def stop(what: str, done: int, total: int | None) -> None:
        if what != "rows read":  # the first look at a file that is stored later
            raise WorkStopped

    def stop_at_once(what: str, done: int, total: int | None) -> None:
        raise WorkStopped

    for name, todo in works(workbench, runs, tmp_path, folder).items():
        watcher = stop_at_once if name in ("check", "quote") else stop
        with pytest.raises(WorkStopped), watched_by(watcher):
            todo()
        assert not list(folder.iterdir()), name
        assert [(each.name, each.number) for each in workbench.list_datasets()] == names, name
        with pytest.raises(UnknownNameError):
            workbench.dataset("new")
    assert workbench.run(runs[0]).state == "finished"


def test_work_is_told_of(workbench: Workbench, runs: list[str], tmp_path: Path) -> None:
    workbench.backups.write(tmp_path / "backup")
    folder = tmp_path / "files"
    folder.mkdir()
    for name, todo in works(workbench, runs, tmp_path, folder).items():
        told: Told = []
        with watched_by(lambda *each, told=told: told.append(each)):
            todo()
        assert told, name
        assert all(total is None or done <= total for _, done, total in told), name
