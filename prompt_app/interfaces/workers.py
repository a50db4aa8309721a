"""Who holds work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """Who holds a lease. A dead process on this host is known to be dead at once; any other
    worker is dead when its heartbeat has stood still for the lease by the observer's own
    monotonic clock."""

    host: str
    """Host name and boot id."""
    pid: int
    process_started: str
    """Tells a reused pid apart."""
