"""Workers as processes of their own: they share runs, die, and are stopped for a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from storage.building import a_worker, answer, key, submit
from storage.conftest import Opener

from prompt_app.interfaces import Lease
from prompt_app.settings import Settings
from prompt_app.storage import this_worker
from prompt_app.storage.store import SqlStore

TESTS = Path(__file__).resolve().parents[1]
ROWS = 40


def worker(settings: Settings, program: str) -> subprocess.Popen[str]:
    """A process with ``store`` that runs ``program``."""
    head = (
        "import sys\n"
        f"sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]\n"
        "from storage.building import *\n"
        "from storage.conftest import settings_for\n"
        "from prompt_app.storage import open_store, this_worker\n"
        "from prompt_app.errors import LeaseLostError\n"
        "from pathlib import Path\n"
        f"store = open_store(settings_for(Path({str(settings.data_dir)!r}), "
        f"{settings.resolved_database_url!r}))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> str:
    """The next line of the process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def states(store: SqlStore, lease: Lease) -> int:
    return len(store.sample_states(lease.run.id, [f"e{n}" for n in range(ROWS)]))


def test_processes_share_the_runs_between_them(settings: Settings, store: SqlStore) -> None:
    _, runs = submit(store, runs=9)
    program = (
        "while lease := store.claim_run(this_worker()):\n"
        "    for n in range(5):\n"
        "        store.write_batch(lease, answer(n))\n"
        "    store.end_run(lease, 'finished')\n"
        "    print(lease.run.id)\n"
    )
    processes = [worker(settings, program) for _ in range(3)]
    done = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert sorted(done) == sorted(run.id for run in runs)
    for run in store.list_runs().items:
        assert (run.state, run.progress.answered) == ("finished", 5)


WRITER = (
    "lease = store.claim_run(this_worker())\n"
    "print('holds', flush=True)\n"
    f"for n in range({ROWS}):\n"
    "    batch = answer(n)\n"
    "    batch.spent_nanousd = 7\n"
    "    try:\n"
    "        store.write_batch(lease, batch)\n"
    "    except LeaseLostError:\n"
    "        print('lost', flush=True)\n"
    "        break\n"
    "    print(n, flush=True)\n"
)
# Not to be stopped inside a transaction: on SQLite that holds up every writer.
WAITING_WRITER = WRITER + "    sys.stdin.readline()\n"


def finish(store: SqlStore, lease: Lease) -> None:
    """Store the rows that are not there yet, and check that each is there once."""
    present = store.sample_states(lease.run.id, [f"e{n}" for n in range(ROWS)])
    for n in range(ROWS):
        if key(n) not in present:
            batch = answer(n)
            batch.spent_nanousd = 7
            store.write_batch(lease, batch)
    run = store.end_run(lease, "finished")
    assert run.progress.answered == ROWS
    assert run.progress.cost_usd == ROWS * 0.25
    assert round(store.get_evaluation(run.evaluation_id).spent_usd * 1e9) == ROWS * 7
    assert sum(1 for _ in store.iterate_samples(run.id)) == ROWS


@pytest.mark.parametrize("after", [0, 3, 17])
def test_nothing_that_was_stored_is_lost_when_a_worker_is_killed(
    settings: Settings, store: SqlStore, after: int
) -> None:
    submit(store, rows=ROWS)
    process = worker(settings, WRITER)
    assert told(process) == "holds"
    for n in range(after):
        assert told(process) == str(n)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    lease = store.claim_run(this_worker())
    assert lease is not None
    assert states(store, lease) >= after
    finish(store, lease)
    process.communicate()


def test_a_worker_that_was_stopped_and_wakes_up_writes_nothing_more(
    settings: Settings, open_another: Opener
) -> None:
    store = open_another(lease_seconds=0.3)
    submit(store, rows=ROWS)
    process = worker(settings, WAITING_WRITER)
    assert told(process) == "holds"
    assert told(process) == "0"
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    lease = None
    while lease is None:
        lease = store.claim_run(a_worker("b"))
    assert states(store, lease) == 1
    process.send_signal(signal.SIGCONT)
    assert process.communicate("\n", timeout=60)[0].split() == ["lost"]
    assert states(store, lease) == 1
    finish(store, lease)
