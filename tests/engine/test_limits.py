"""A run keeps to the limits that the person gave."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from engine.runs import echo_spec, only_run, rows_file, work
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import Run
from prompt_app.engine.worker import Worker
from prompt_app.interfaces import WorkerIdentity
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


def test_workers_without_a_broker_share_the_limits_of_one_model(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    """Two workers with a run each, as on two machines."""
    mock_process.control(latency_ms=20)
    limits = {"requests_per_minute": 1200, "max_concurrency": 4}
    prompts = [{"name": name, "template": f"{name} {{question}}"} for name in ("a", "b")]
    spec = echo_spec(rows_file(tmp_path, 40), mock_process.url, limits=limits, prompts=prompts)
    evaluation = workbench.submit_evaluation(spec)
    settings = workbench.settings.model_copy(update={"worker_runs": 1})
    workers = [
        Worker(workbench.store, settings, WorkerIdentity(host, 1, "")) for host in ("here", "there")
    ]

    async def work_side_by_side() -> None:
        stop = asyncio.Event()
        async with asyncio.timeout(30):
            await asyncio.gather(*(worker.run(stop, until_idle=True) for worker in workers))

    started = time.monotonic()
    asyncio.run(work_side_by_side())
    assert time.monotonic() - started >= 0.85 * 80 / 20
    runs = workbench.runs_of(evaluation.id)
    assert [run.progress.scored for run in runs] == [40, 40]
    first, second = sorted(run.started_at for run in runs if run.started_at)
    assert (second - first).total_seconds() < 1, "one after the other"
