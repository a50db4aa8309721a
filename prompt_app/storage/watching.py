"""Tells whether the holder of a lease is still alive."""

from __future__ import annotations

import threading
import time
from typing import Any

from sqlalchemy import Row

from prompt_app.interfaces import WorkerIdentity
from prompt_app.storage.database import Database
from prompt_app.storage.identity import known_dead
from prompt_app.storage.part import StorePart


class HeartbeatWatch:
    """Remembers heartbeats, and since when this process has seen them stand still by its own
    monotonic clock. Rows have ``number``, ``fence``, ``heartbeat`` and the ``worker_`` columns."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._last_sign: dict[int, tuple[int, int, float]] = {}
        self._lock = threading.Lock()

    def is_abandoned(self, row: Row[Any]) -> bool:
        """Whether the holder's process is gone from this machine, or its heartbeat has stood
        still for the lease."""
        if known_dead(WorkerIdentity(row.worker_host, row.worker_pid, row.worker_started)):
            return True
        now = time.monotonic()
        with self._lock:
            fence, heartbeat, since = self._last_sign.get(row.number, (-1, -1, now))
            if (fence, heartbeat) != (row.fence, row.heartbeat):
                self._last_sign[row.number] = (row.fence, row.heartbeat, now)
                return False
            return now - since >= self._lease_seconds

    def forget_all_but(self, numbers: set[int]) -> None:
        """Their leases start anew."""
        with self._lock:
            for number in self._last_sign.keys() - numbers:
                del self._last_sign[number]


class WatchingPart(StorePart):
    """A part of the store that watches who holds what."""

    def __init__(self, database: Database, lease_seconds: float) -> None:
        super().__init__(database)
        self._run_watch = HeartbeatWatch(lease_seconds)
        self._chunk_watch = HeartbeatWatch(lease_seconds)
        self._rubric_watch = HeartbeatWatch(lease_seconds)
