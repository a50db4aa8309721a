"""``prompt-app start`` whose processes are killed in the middle of a run: nothing that was answered
is lost or billed again, as the mock server counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from cli.test_start import answers, started, until, worker_of
from engine.runs import echo_spec, rows_file
from mock_process import MockProcess
from servers import free_port

from prompt_app.datamodel.evaluation import Run
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench

SAMPLES = 200
CONCURRENCY = 8


class Evaluated:
    """A run of the studio's store."""

    def __init__(self, workbench: Workbench, folder: Path, url: str) -> None:
        self._workbench = workbench
        spec = echo_spec(rows_file(folder, SAMPLES), url, limits={"max_concurrency": CONCURRENCY})
        (self._id,) = workbench.submit_evaluation(spec).run_ids

    @property
    def run(self) -> Run:
        return self._workbench.run(self._id)

    def is_under_way(self) -> bool:
        return self.run.progress.answered >= 30

    def has_ended(self) -> bool:
        return self.run.state == "finished"

    def answers(self) -> int:
        """Different ones that are stored."""
        samples = self._workbench.store.iterate_samples(self._id)
        return len({sample.reply.text for sample in samples if sample.reply})


@pytest.fixture
def evaluated(tmp_path: Path, mock_process: MockProcess) -> Iterator[Evaluated]:
    mock_process.control(latency_ms=150)
    workbench = open_workbench(Settings(data_dir=tmp_path / "data"))
    yield Evaluated(workbench, tmp_path, mock_process.url)
    workbench.close()


def studio_of(process: psutil.Popen) -> psutil.Process | None:
    worker = worker_of(process)
    return next((child for child in process.children() if child != worker), None)


def test_a_killed_studio_does_not_touch_the_run(
    tmp_path: Path, evaluated: Evaluated, mock_process: MockProcess
) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        until(lambda: answers(port), "the studio's answer")
        until(evaluated.is_under_way, "the middle of the run")
        studio, worker = studio_of(process), worker_of(process)
        assert studio is not None
        studio.kill()
        until(evaluated.has_ended, "the end of the run")
        assert worker_of(process) == worker
        until(lambda: answers(port), "the studio's second answer")
        assert studio_of(process) != studio
    assert evaluated.run.progress.scored == evaluated.answers() == SAMPLES
    assert mock_process.stats()["answered"] == SAMPLES


def kill_the_command(process: psutil.Popen) -> None:
    process.kill()


def kill_all(process: psutil.Popen) -> None:
    for each in [process, *process.children()]:
        each.kill()


@pytest.mark.parametrize(("kill", "most_again"), [(kill_the_command, 0), (kill_all, CONCURRENCY)])
def test_the_next_start_goes_on(
    tmp_path: Path,
    evaluated: Evaluated,
    mock_process: MockProcess,
    kill: Callable[[psutil.Popen], None],
    most_again: int,
) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        until(lambda: answers(port), "the studio's answer")
        until(evaluated.is_under_way, "the middle of the run")
        family = process.children()
        kill(process)
        until(lambda: not any(map(psutil.Process.is_running, family)), "the end of its processes")
    stored = evaluated.answers()
    assert 30 <= stored < SAMPLES
    with started(tmp_path, port):
        until(evaluated.has_ended, "the end of the run")
    assert evaluated.run.progress.scored == evaluated.answers() == SAMPLES
    assert SAMPLES <= mock_process.stats()["answered"] <= SAMPLES + most_again
