"""Workers that are killed, databases that stand still, disks that are full."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
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
    anywhere: Workbench, tmp_path: Path, mock_process: MockProcess
) -> None:
    workbench = anywhere
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
def sqlite_locked(database: Path) -> Iterator[None]:
    """Hold the file's write lock, from another connection."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def postgresql_locked(url: str) -> Iterator[None]:
    """Hold every table of a run, as a migration or a vacuum of the whole does."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("LOCK TABLE runs, samples, replies, scores IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@pytest.mark.timeout(180)
def test_a_database_locked_for_30_seconds(
    anywhere: Workbench, tmp_path: Path, mock_process: MockProcess
) -> None:
    mock_process.control(latency_ms=50)
    spec = echo_spec(rows_file(tmp_path, 300), mock_process.url)
    run = only_run(anywhere, spec)
    worker = worker_process(tmp_path / "data")
    while anywhere.run(run.id).progress.answered < 20:
        time.sleep(0.02)
    files = list((tmp_path / "data").glob("*.sqlite3"))
    with sqlite_locked(*files) if files else postgresql_locked(os.environ["DATABASE_URL"]):
        time.sleep(30)
    assert worker.wait(timeout=60) == 0
    finished = anywhere.run(run.id)
    assert (finished.state, finished.progress.scored) == ("finished", 300)
    assert mock_process.stats()["answered"] == 300


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 20 MB, which only root can make."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user cannot mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_without_room_stops_the_calls_and_loses_nothing(
    tmp_path: Path, mock_process: MockProcess
) -> None:
    with small_disk(tmp_path / "data") as disk:
        workbench = temporary_workbench(tmp_path)
        run = only_run(workbench, echo_spec(rows_file(tmp_path, 3000), mock_process.url))
        filler = disk / "filler"
        free = shutil.disk_usage(disk).free
        filler.write_bytes(bytes(free - 3_000_000))
        worker = worker_process(disk)
        answered = answered_when_it_stands_still(workbench, run.id, worker)
        assert shutil.disk_usage(disk).free < 100_000
        assert answered < 3000
        assert mock_process.stats()["answered"] - answered <= 4 * 20 + 128
        filler.unlink()
        assert worker.wait(timeout=60) == 0
        finished = workbench.run(run.id)
        assert (finished.state, finished.progress.scored) == ("finished", 3000)
        assert mock_process.stats()["answered"] == 3000
        workbench.close()


def answered_when_it_stands_still(
    workbench: Workbench, run_id: str, worker: subprocess.Popen[bytes]
) -> int:
    deadline = time.monotonic() + 60
    seen = -1
    while (answered := workbench.run(run_id).progress.answered) != seen or answered < 20:
        seen = answered
        assert worker.poll() is None, "the worker died"
        assert time.monotonic() < deadline
        time.sleep(1.5)
    return answered


def test_a_file_that_may_not_grow_stops_the_calls_and_loses_nothing(
    workbench: Workbench, tmp_path: Path, mock_process: MockProcess
) -> None:
    """A quota on the size of files: SQLite's writes fail in another way than on a full disk."""
    spec = echo_spec(rows_file(tmp_path, 3000), mock_process.url)
    run = only_run(workbench, spec)
    data_dir = tmp_path / "data"
    largest = max(path.stat().st_size for path in data_dir.glob("*.sqlite3*")) + 300_000
    worker = worker_process(data_dir, limit_files_to=largest)
    answered = answered_when_it_stands_still(workbench, run.id, worker)
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
