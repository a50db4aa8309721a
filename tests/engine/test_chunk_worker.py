"""A worker that begins a chunk of a run whose limits others have parts of."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from engine.runs import echo_spec, only_run, rows_file
from mock_process import MockProcess

from prompt_app.engine.chunk_worker import SMALLEST_CHUNK, ChunkWorker
from prompt_app.storage import this_worker
from prompt_app.workbench import Workbench

AT_ONCE = 8


def test_a_newcomer_calls_once_the_others_have_given_way(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(latency_ms=100)
    path = rows_file(tmp_path, 2 * SMALLEST_CHUNK)
    spec = echo_spec(path, mock_process.url, limits={"max_concurrency": AT_ONCE}, cache="off")
    run = only_run(workbench, spec)
    most = asyncio.run(most_at_once(workbench, mock_process, run.id))
    assert most == AT_ONCE
    assert workbench.store.settlement(run.id) is None, "the last worker ended it"
    assert workbench.run(run.id).progress.answered == 2 * SMALLEST_CHUNK


async def most_at_once(workbench: Workbench, mock: MockProcess, run_id: str) -> int:
    """Calls in flight at most, where the second worker joins at the first one's middle."""
    here = this_worker()
    other = dataclasses.replace(here, host="elsewhere")
    first, second = (ChunkWorker(workbench.store, workbench.settings, who) for who in (here, other))
    assert await first.advance_run(run_id) == [0, 1]
    work = [asyncio.create_task(first.work_chunk(run_id, 0))]
    most = 0
    while not all(task.done() for task in work) or len(work) == 1:
        stats = await asyncio.to_thread(mock.stats)
        most = max(most, stats.get("in_flight", 0))
        if len(work) == 1 and stats.get("received", 0) >= SMALLEST_CHUNK / 4:
            work.append(asyncio.create_task(second.work_chunk(run_id, 1)))
        await asyncio.sleep(0.01)
    assert [await task for task in work] == [True, True]
    await first.close()
    await second.close()
    return most
