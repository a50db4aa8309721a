from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from prompt_app.interfaces import WorkerIdentity
from prompt_app.storage import identity
from prompt_app.storage.identity import known_dead, process_start, this_worker

SLEEPER = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]


def started() -> tuple[subprocess.Popen[bytes], WorkerIdentity]:
    process = subprocess.Popen(SLEEPER, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    start = process_start(process.pid)
    assert start
    return process, WorkerIdentity(this_worker().host, process.pid, start)


def test_a_process_knows_itself_and_is_alive() -> None:
    me = this_worker()
    assert me == this_worker()
    assert me.pid == os.getpid()
    assert me.process_started
    assert not known_dead(me)


def test_a_killed_process_is_dead_before_and_after_its_parent_takes_note() -> None:
    process, worker = started()
    assert not known_dead(worker)
    process.kill()
    # Wait for the end without taking note of it.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert known_dead(worker)
    process.wait()
    assert known_dead(worker)
    process.stdout.close()  # type: ignore[union-attr]


def test_a_stopped_process_is_alive() -> None:
    process, worker = started()
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert not known_dead(worker)
    process.kill()
    process.communicate()


def test_nothing_is_known_of_other_machines_and_silent_systems() -> None:
    process, worker = started()
    process.kill()
    process.communicate()
    assert known_dead(worker)
    assert not known_dead(WorkerIdentity("elsewhere", worker.pid, worker.process_started))
    assert not known_dead(WorkerIdentity(worker.host, worker.pid, ""))


def test_a_forked_child_is_another_worker() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, str(this_worker().pid).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 20) == str(pid).encode()
    os.close(reader)
    os.close(writer)


def test_without_proc_the_process_table_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.setattr(identity, "_linux_start", identity._posix_start)
    process, worker = started()
    assert not known_dead(worker)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert known_dead(worker)
    process.communicate()
    assert known_dead(worker)
