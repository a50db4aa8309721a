"""A run keeps to the limits that the person gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.runs import echo_spec, only_run, rows_file, work
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import Run
from prompt_app.workbench import Workbench


def evaluated(workbench: Workbench, url: str, folder: Path, rows: int, **limits: Any) -> Run:
    run = only_run(workbench, echo_spec(rows_file(folder, rows), url, limits=limits))
    work(workbench)
    finished = workbench.run(run.id)
    assert (finished.state, finished.progress.scored) == ("finished", rows)
    return finished


def seconds(run: Run) -> float:
    assert run.started_at is not None
    assert run.ended_at is not None
    return (run.ended_at - run.started_at).total_seconds()


def test_calls_at_once(workbench: Workbench, mock_process: MockProcess, tmp_path: Path) -> None:
    mock_process.control(latency_ms=50)
    evaluated(workbench, mock_process.url, tmp_path, 40, max_concurrency=3)
    assert mock_process.stats()["peak_in_flight"] == 3


def test_requests_a_minute(workbench: Workbench, mock_process: MockProcess, tmp_path: Path) -> None:
    run = evaluated(workbench, mock_process.url, tmp_path, 40, requests_per_minute=900)
    assert seconds(run) >= 0.9 * 40 / 15
    assert "refused_429" not in mock_process.stats()


def test_tokens_a_minute(workbench: Workbench, mock_process: MockProcess, tmp_path: Path) -> None:
    run = evaluated(workbench, mock_process.url, tmp_path, 40, tokens_per_minute=9000)
    assert seconds(run) >= 0.8 * run.progress.usage.total / 150
