"""What a provider can do to a run. Every sample ends with exactly one outcome, and the mock
server counts what was billed."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import pytest
from engine.runs import echo_spec, only_run, rows_file, temporary_workbench, work
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench


def run_against(
    workbench: Workbench, server: MockProcess, folder: Path, rows: int, **changes: Any
) -> Run:
    run = only_run(workbench, echo_spec(rows_file(folder, rows), server.url, **changes))
    work(workbench, seconds=100)
    return workbench.run(run.id)


class Watched:
    """The answers that a server has given, over time."""

    def __init__(self, server: MockProcess) -> None:
        self._server = server
        self._seen: list[tuple[float, int]] = []
        self._ended = Event()
        self._thread = Thread(target=self._look)

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self._seen.append((time.monotonic(), self._server.stats().get("answered", 0)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def rate(self, last: int, after: float) -> float:
        """Answers a second until the ``last``, from so many seconds after the first answer on."""
        answering = [each for each in self._seen if 0 < each[1] < last]
        began, at_first = next(each for each in answering if each[0] >= answering[0][0] + after)
        ended, at_last = answering[-1]
        return (at_last - at_first) / (ended - began)


@pytest.mark.parametrize(
    ("retry_after", "warm_up"),
    [(0.2, 0.0), ("auto", 5.0)],  # in whole seconds each of the first few refusals costs one
)
def test_a_429_storm_loses_nothing_and_uses_what_is_allowed(
    mock_process: MockProcess,
    tmp_path: Path,
    retry_after: float | str,
    warm_up: float,
) -> None:
    """What other work on the machine takes from a rate is not the limiter's: the best of three."""
    rows = 1500 if warm_up == 0 else 3000
    limits = {"max_concurrency": 50, "max_attempts": 2}
    rates: list[float] = []
    while len(rates) < 3 and not any(rate >= 0.85 * 200 for rate in rates):
        mock_process.reset()
        mock_process.control(requests_per_second=200, latency_ms=20, retry_after=retry_after)
        folder = tmp_path / str(len(rates))
        folder.mkdir()
        workbench = temporary_workbench(folder)
        with Watched(mock_process) as watched:
            run = run_against(workbench, mock_process, folder, rows, limits=limits)
        workbench.close()
        assert (run.state, run.progress.scored, run.progress.failed) == ("finished", rows, 0)
        stats = mock_process.stats()
        assert stats["answered"] == rows
        assert 0 < stats["refused_429"] <= 0.1 * stats["received"]
        rates.append(watched.rate(rows, warm_up))
    assert max(rates) >= 0.85 * 200


def test_5_percent_429_and_2_percent_500(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(p_429=0.05, p_500=0.02, retry_after=0)
    run = run_against(workbench, mock_process, tmp_path, 500)
    assert (run.state, run.progress.scored, run.progress.failed) == ("finished", 500, 0)
    assert set(run.progress.retries) == {"rate_limited", "server"}
    assert mock_process.stats()["answered"] == 500


def test_30_percent_server_errors_with_the_default_limits(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(p_500=0.3)
    run = run_against(workbench, mock_process, tmp_path, 200)
    assert run.state == "finished"
    assert run.progress.scored + run.progress.failed == 200
    assert run.progress.failed <= 4  # 0.3 ** 6 of them, 0.15 in all, come to the end of their tries
    assert mock_process.stats()["answered"] == run.progress.scored


def test_30_percent_broken_answers_are_tried_again_and_never_stored(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(p_500=0.1, p_reset=0.1, p_truncate=0.05, p_malformed=0.05)
    limits = {"max_concurrency": 50, "max_attempts": 12}
    run = run_against(workbench, mock_process, tmp_path, 200, limits=limits)
    assert (run.state, run.progress.scored, run.progress.failed) == ("finished", 200, 0)
    assert run.summary[0].mean == 1.0
    assert {"server", "connection_failed", "malformed_reply"} <= set(run.progress.retries)


def test_a_hanging_server_costs_a_deadline_and_no_slot(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(p_hang=0.3)
    limits = {"max_concurrency": 20, "timeout_seconds": 0.5, "max_attempts": 12}
    run = run_against(workbench, mock_process, tmp_path, 60, limits=limits)
    assert (run.state, run.progress.scored) == ("finished", 60)
    assert run.progress.retries["deadline_exceeded"] > 0
    assert mock_process.stats()["answered"] == 60


def test_a_used_up_quota_pauses_the_run_and_is_not_asked_again(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(quota_after=40)
    run = run_against(workbench, mock_process, tmp_path, 200)
    assert run.state == "paused"
    assert "quota" in run.reason.lower() or "credit" in run.reason.lower()
    stats = mock_process.stats()
    assert stats["answered"] == run.progress.answered == 40
    assert stats["received"] <= 40 + 2 * 20
    mock_process.control(quota_after=None)
    workbench.resume(run.id)
    work(workbench)
    assert workbench.run(run.id).progress.scored == 200


def test_a_refused_parameter_pauses_the_run_and_is_remembered(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(unsupported=["seed"])
    spec = echo_spec(rows_file(tmp_path, 50), mock_process.url, parameters={"seed": 1})
    run = only_run(workbench, spec)
    work(workbench)
    run = workbench.run(run.id)
    assert run.state == "paused"
    assert "seed" in run.reason
    with pytest.raises(EvaluationError, match="seed"):
        workbench.quote(spec)


def test_a_server_that_went_away_pauses_the_run(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(p_reset=1.0)
    limits = {"max_concurrency": 20, "max_attempts": 2}
    run = run_against(workbench, mock_process, tmp_path, 500, limits=limits)
    assert run.state == "paused"
    assert "in a row" in run.reason
    assert run.progress.failed < 100
    mock_process.control(p_reset=0)
    workbench.resume(run.id, retry_failed=True)
    work(workbench)
    assert workbench.run(run.id).progress.scored == 500
