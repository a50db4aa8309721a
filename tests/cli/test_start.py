"""``prompt-app start``: two processes that live and end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
            return bool(reply.read() == b"ok")
    except (URLError, OSError):
        return False


@contextmanager
def started(folder: Path, port: int) -> Iterator[psutil.Popen]:
    process = psutil.Popen(
        [sys.executable, "-m", "prompt_app.cli", "start", "--no-browser", "--port", str(port)],
        cwd=folder, env={**os.environ, "PROMPT_APP_DATA_DIR": str(folder / "data")},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    family: list[psutil.Process] = []
    try:
        yield process
    finally:
        if process.is_running():
            family = [process, *process.children(recursive=True)]
        for member in family:
            member.kill()
        process.wait()


def worker_of(process: psutil.Popen) -> psutil.Process | None:
    for child in process.children():
        with suppress(psutil.NoSuchProcess):  # just ended
            if "worker" in child.cmdline():
                return child
    return None


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_studio_and_worker_end_with_the_command(tmp_path: Path, name: str) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        until(lambda: answers(port), "the studio's answer")
        children = process.children()
        assert len(children) == 2
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=PATIENCE) == 0
        assert [child.pid for child in children if child.is_running()] == []


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        until(lambda: worker_of(process) is not None, "the worker's start")
        first = worker_of(process)
        assert first is not None
        first.kill()
        until(lambda: worker_of(process) not in {None, first}, "the worker's second start")


def test_a_port_that_is_taken_ends_it(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with started(tmp_path, holder.getsockname()[1]) as process:
            assert process.wait(timeout=PATIENCE) != 0
