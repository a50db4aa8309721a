"""A losing run stops early, tells what that saved, and no other run is stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.cli.run import print_results
from prompt_app.datamodel.evaluation import Run
from prompt_app.engine import chunk_worker, early_stop
from prompt_app.engine.chunk_worker import ChunkWorker
from prompt_app.errors import EvaluationError
from prompt_app.providers.mock_server import MockServer
from prompt_app.storage import this_worker
from prompt_app.workbench import Workbench

ROWS = 300
PRICE = {"input": 1000, "output": 1000}


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_stop, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(early_stop, "SHARE_OF_TIME", 0.5)


def work_in_chunks(workbench: Workbench) -> None:
    """Three workers, as Celery runs them, until nothing waits."""
    store, busy = workbench.store, set[ChunkWorker]()

    async def serve(worker: ChunkWorker) -> None:
        while (waiting := store.waiting_work(1)) or busy:
            if not waiting:
                await asyncio.sleep(0.01)
                continue
            busy.add(worker)
            if waiting[0].chunk is None:
                await worker.advance_run(waiting[0].run_id)
            else:
                await worker.work_chunk(waiting[0].run_id, waiting[0].chunk)
            busy.discard(worker)
        await worker.close()

    async def serve_all() -> None:
        workers = [ChunkWorker(store, workbench.settings, this_worker()) for _ in range(3)]
        async with asyncio.timeout(60):
            await asyncio.gather(*map(serve, workers))

    asyncio.run(serve_all())


def evaluated(
    workbench: Workbench,
    folder: Path,
    server: MockServer,
    names: list[str],
    by: Callable[[Workbench], None] = work,
    **changes: Any,
) -> list[Run]:
    """Runs of the mock server's models: ``echo`` is right, ``fixed`` wrong."""
    base = {"provider": "openai", "base_url": f"{server.url}/v1", "price": PRICE}
    models = [{**base, "name": name} for name in names]
    given = {
        "models": models,
        "stopping": "exact_match",
        "limits": {"max_concurrency": 4},
        "parameters": {"max_tokens": 20},
    }
    path = rows_file(folder, ROWS)
    spec = echo_spec(path, server.url, **{**given, **changes})
    evaluation = workbench.submit_evaluation(spec)
    by(workbench)
    return workbench.runs_of(evaluation.id)


def test_a_losing_run_is_stopped_and_tells_what_that_saved(
    workbench: Workbench,
    tmp_path: Path,
    mock_server: MockServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mock_server.control(latency_ms=30)
    winner, loser = evaluated(workbench, tmp_path, mock_server, ["echo", "fixed"])
    assert (winner.state, winner.progress.done, winner.reason) == ("finished", ROWS, "")
    assert loser.state == "finished"
    assert 0 < loser.progress.done < ROWS
    assert loser.reason.startswith(f"Stopped early: exact_match is worse than that of {winner.id}")
    spared = ROWS - loser.progress.done
    assert f"Stopping early saved {spared} of {ROWS} calls" in loser.reason
    price = loser.progress.cost_usd / loser.progress.done
    told = re.search(r"about ([0-9.]+) USD", loser.reason)
    assert told is not None
    assert float(told[1]) == pytest.approx(spared * price, rel=0.05)
    assert f"saved {spared} of {ROWS} calls" in workbench.reports.run(loser.id)
    print_results([winner, loser])
    assert f"saved {spared} of {ROWS} calls" in " ".join(capsys.readouterr().out.split())
    assert loser.summary[0].mean == 0
    compared = workbench.compare([winner.id, loser.id])
    assert any("Stopped early" in warning for warning in compared.warnings)


def test_calls_that_failed_for_good_leave_no_gap(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=15, p_500=0.1)
    limits = {"max_concurrency": 4, "max_attempts": 1}
    winner, loser = evaluated(
        workbench, tmp_path, mock_server, ["echo", "fixed"], limits=limits, repeats=2
    )
    assert winner.progress.failed > 0
    assert "Stopped early" in loser.reason


def test_a_run_that_is_spread_over_workers_stops_early_as_a_whole(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three workers do ten chunks; the one at the first open chunk looks, the others follow."""
    monkeypatch.setattr(chunk_worker, "SMALLEST_CHUNK", ROWS // 10)
    mock_server.control(latency_ms=30)
    winner, loser = evaluated(
        workbench, tmp_path, mock_server, ["echo", "fixed"], by=work_in_chunks
    )
    assert (winner.state, winner.progress.done, winner.reason) == ("finished", ROWS, "")
    assert loser.state == "finished"
    assert 0 < loser.progress.done < ROWS
    spared = ROWS - loser.progress.done
    assert loser.reason.startswith(f"Stopped early: exact_match is worse than that of {winner.id}")
    assert f"Stopping early saved {spared} of {ROWS} calls" in loser.reason
    assert loser.summary[0].mean == 0
    received = mock_server.stats()["received"]
    work_in_chunks(workbench)
    assert mock_server.stats()["received"] == received  # nothing is left of it


def test_a_run_that_is_spread_and_equal_goes_on(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_worker, "SMALLEST_CHUNK", ROWS // 10)
    names = ["echo", "echo"]
    runs = evaluated(workbench, tmp_path, mock_server, names, by=work_in_chunks, cache="off")
    assert [(run.progress.done, run.reason) for run in runs] == [(ROWS, ""), (ROWS, "")]


@pytest.mark.parametrize("names", [["echo", "echo"], ["fixed", "echo"]])
def test_an_equal_or_better_run_goes_on(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer, names: list[str]
) -> None:
    runs = evaluated(workbench, tmp_path, mock_server, names, cache="off")
    assert [run.progress.done for run in runs] == [ROWS, ROWS]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"stopping": "latency", "metrics": ["latency"]}, "least and a greatest"),
        ({"stopping": "exact_match", "models": ["offline:echo"]}, "two runs"),
        ({"dataset": {"options": {"cluster_field": "group"}}}, "clusters"),
    ],
)
def test_what_could_not_hold_its_error_rate_is_refused(
    workbench: Workbench, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = rows_file(tmp_path, 5)
    if "dataset" in changes:
        changes["dataset"]["path"] = str(path)
    given = {"models": ["offline:echo", "offline:fixed"], "stopping": "exact_match", **changes}
    with pytest.raises(EvaluationError, match=told):
        workbench.submit_evaluation(echo_spec(path, "http://unused", **given))
