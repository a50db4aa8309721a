"""Pausing, cancelling, resuming, and stopping the worker: nothing answered is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.runs import echo_spec, only_run, rows_file, work
from mock_process import MockProcess

from prompt_app.workbench import Workbench


async def work_until_answered(workbench: Workbench, run_id: str, answered: int) -> asyncio.Event:
    """Start a worker; returns when so many samples are stored, with the event that stops it."""
    stop = asyncio.Event()
    task = asyncio.create_task(workbench.work(stop, until_idle=True))
    stop.task = task  # type: ignore[attr-defined]
    while workbench.run(run_id).progress.answered < answered:
        assert not task.done(), "the run ended too early"
        await asyncio.sleep(0.02)
    return stop


def test_pause_and_resume(workbench: Workbench, mock_process: MockProcess, tmp_path: Path) -> None:
    mock_process.control(latency_ms=50)
    run = only_run(workbench, echo_spec(rows_file(tmp_path, 300), mock_process.url))

    async def pause() -> None:
        stop = await work_until_answered(workbench, run.id, 20)
        workbench.pause(run.id)
        await stop.task  # type: ignore[attr-defined]

    asyncio.run(pause())
    paused = workbench.run(run.id)
    assert paused.state == "paused"
    assert "request" in paused.reason
    assert 20 <= paused.progress.answered < 300
    assert mock_process.stats()["answered"] == paused.progress.answered
    workbench.resume(run.id)
    work(workbench)
    assert workbench.run(run.id).progress.scored == 300
    assert mock_process.stats()["answered"] == 300


def test_cancel_keeps_what_was_answered(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(latency_ms=50)
    run = only_run(workbench, echo_spec(rows_file(tmp_path, 300), mock_process.url))

    async def cancel() -> None:
        stop = await work_until_answered(workbench, run.id, 20)
        workbench.cancel(run.id)
        await stop.task  # type: ignore[attr-defined]

    asyncio.run(cancel())
    cancelled = workbench.run(run.id)
    assert cancelled.state == "cancelled"
    assert mock_process.stats()["answered"] == cancelled.progress.answered < 300
    assert cancelled.summary[0].scored == cancelled.progress.scored


def test_a_queued_run_is_cancelled_at_once(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    run = only_run(workbench, echo_spec(rows_file(tmp_path, 5), mock_process.url))
    assert workbench.cancel(run.id).state == "cancelled"
    work(workbench)
    assert mock_process.stats().get("received", 0) == 0


def test_a_stopped_worker_hands_its_runs_back(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(latency_ms=50)
    run = only_run(workbench, echo_spec(rows_file(tmp_path, 300), mock_process.url))

    async def stop_worker() -> None:
        stop = await work_until_answered(workbench, run.id, 20)
        stop.set()
        await stop.task  # type: ignore[attr-defined]

    asyncio.run(stop_worker())
    assert workbench.run(run.id).state == "queued"
    work(workbench)
    assert workbench.run(run.id).progress.scored == 300
    assert mock_process.stats()["answered"] == 300
