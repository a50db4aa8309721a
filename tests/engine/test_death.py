"""Workers that are killed, databases that stand still, disks that are full."""

from __future__ import annotations

import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from engine.runs import echo_spec, only_run, rows_file, temporary_workbench, work, worker_process
from mock_process import MockProcess

from prompt_app.workbench import Workbench

KILLS = 20
SAMPLES = 500
CONCURRENCY = 8


def stored_answers(workbench: Workbench, run_id: str) -> set[str]:
    """The prompts (which are their answers, as ``echo`` has it) of the stored samples."""
    return {sample.reply.text for sample in workbench.store.iterate_samples(run_id) if sample.reply}


@pytest.mark.timeout(240)
def test_twenty_kills_lose_nothing_and_send_nothing_stored_again(
    workbench: Workbench, tmp_path: Path, mock_process: MockProcess
) -> None:
    mock_process.control(latency_ms=150, record="text")
    limits = {"max_concurrency": CONCURRENCY}
    spec = echo_spec(rows_file(tmp_path, SAMPLES), mock_process.url, limits=limits)
    run = only_run(workbench, spec)
    sent_when_stored: dict[str, int] = {}
    for _ in range(KILLS):
        before = workbench.run(run.id).progress.answered
        worker = worker_process(tmp_path / "data")
        while workbench.run(run.id).progress.answered < before + 10:
            assert worker.poll() is None, "the run ended before it was killed often enough"
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        sent = mock_process.stats()["received_prompts"]
        for prompt in stored_answers(workbench, run.id):
            sent_when_stored.setdefault(prompt, sent[prompt])
    work(workbench)
    finished = workbench.run(run.id)
    assert (finished.state, finished.progress.scored) == ("finished", SAMPLES)
    assert workbench.rows(run.id).total == len(stored_answers(workbench, run.id)) == SAMPLES
    stats = mock_process.stats()
    for prompt, times in sent_when_stored.items():
        assert stats["received_prompts"][prompt] == times, f"{prompt} was sent again"
    # What was on its way when a worker died may have been answered in vain; nothing else.
    assert sum(stats["answered_prompts"].values()) - SAMPLES <= KILLS * CONCURRENCY
    assert len(stats["answered_prompts"]) == SAMPLES


@contextmanager
def locked(database: Path, seconds: float) -> Iterator[None]:
    """Hold the database's write lock for so long, from another connection."""
    held = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            held.set()
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    yield
    thread.join()


@pytest.mark.timeout(180)
def test_a_database_locked_for_30_seconds(
    workbench: Workbench, tmp_path: Path, mock_process: MockProcess
) -> None:
    mock_process.control(latency_ms=50)
    spec = echo_spec(rows_file(tmp_path, 300), mock_process.url)
    run = only_run(workbench, spec)
    worker = worker_process(tmp_path / "data")
    while workbench.run(run.id).progress.answered < 20:
        time.sleep(0.02)
    (database,) = (tmp_path / "data").glob("*.sqlite3")
    with locked(database, 30):
        pass
    assert worker.wait(timeout=60) == 0
    finished = workbench.run(run.id)
    assert (finished.state, finished.progress.scored) == ("finished", 300)
    assert mock_process.stats()["answered"] == 300


def test_a_full_disk_stops_the_calls_and_loses_nothing(
    workbench: Workbench, tmp_path: Path, mock_process: MockProcess
) -> None:
    """The limit on a file's size makes SQLite's writes fail as a full disk does."""
    spec = echo_spec(rows_file(tmp_path, 3000), mock_process.url)
    run = only_run(workbench, spec)
    data_dir = tmp_path / "data"
    largest = max(path.stat().st_size for path in data_dir.glob("*.sqlite3*")) + 300_000
    worker = worker_process(data_dir, limit_files_to=largest)
    deadline = time.monotonic() + 60
    seen = -1
    while (answered := workbench.run(run.id).progress.answered) != seen or answered < 20:
        seen = answered
        assert worker.poll() is None, "the worker died of the full disk"
        assert time.monotonic() < deadline
        time.sleep(1.5)
    assert answered < 3000
    called = mock_process.stats()["answered"]
    assert called - answered <= 4 * 20 + 128
    # Room again: the worker that waited stores what it kept.
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert worker.wait(timeout=60) == 0
    finished = workbench.run(run.id)
    assert (finished.state, finished.progress.scored) == ("finished", 3000)
    assert mock_process.stats()["answered"] == 3000


def test_a_run_is_taken_over_from_a_dead_worker_with_its_reservations(
    tmp_path: Path, mock_process: MockProcess
) -> None:
    workbench = temporary_workbench(tmp_path)
    mock_process.control(latency_ms=200)
    price = {"input": 10.0, "output": 10.0}
    model = {"provider": "openai", "name": "echo", "base_url": f"{mock_process.url}/v1",
             "price": price}  # fmt: skip
    spec = echo_spec(
        rows_file(tmp_path, 100),
        mock_process.url,
        models=[model],
        parameters={"max_tokens": 100},
        limits={"max_concurrency": 10, "max_cost_usd": 50},
    )
    run = only_run(workbench, spec)
    worker = worker_process(tmp_path / "data")
    while workbench.run(run.id).progress.answered < 20:
        time.sleep(0.02)
    worker.kill()
    worker.wait()
    work(workbench)
    evaluation = workbench.evaluation(run.evaluation_id)
    assert workbench.run(run.id).progress.scored == 100
    assert evaluation.unconfirmed_usd > 0
    assert evaluation.spent_usd == pytest.approx(workbench.run(run.id).progress.cost_usd)
    workbench.close()
