"""Who a worker is, and whether a worker of this machine is still alive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from prompt_app.interfaces import WorkerIdentity

_ENDED = ("Z", "X", "x")
"""Process states of Linux and macOS that a killed process shows until its parent takes note."""


def this_worker() -> WorkerIdentity:
    """The calling process. Not cached: a forked child is another worker."""
    pid = os.getpid()
    return WorkerIdentity(_this_host(), pid, process_start(pid) or "")


def known_dead(worker: WorkerIdentity) -> bool:
    """Whether ``worker`` ran on this machine since its last boot and is certainly gone.

    False when that cannot be told: on another machine, in another container, or where the
    system does not tell when a process started.
    """
    if worker.host != _this_host() or not worker.process_started:
        return False
    start = process_start(worker.pid)
    if start is not None:
        return start != worker.process_started
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it exists, and belongs to another user who hides it
    return False


def process_start(pid: int) -> str | None:
    """When process ``pid`` started, in the system's own notation; empty for one that has ended
    but is still listed; None when there is none or the system does not tell."""
    if sys.platform == "linux":
        return _linux_start(pid)
    if sys.platform == "win32":
        return None
    return _posix_start(pid)


def _linux_start(pid: int) -> str | None:
    """Clock ticks from boot to start: they do not move with the wall clock."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the command in brackets, which may hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in _ENDED else fields[19]


def _posix_start(pid: int) -> str | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    listed = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    state, _, started = listed.stdout.strip().partition(" ")
    if not state:
        return None
    return "" if state.startswith(_ENDED) else started.strip()


@lru_cache(maxsize=1)
def _this_host() -> str:
    """Host name, boot and process-id namespace: within it a process id means one process."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass  # not Linux; the absolute start time tells processes of other boots apart
    return "/".join(parts)
