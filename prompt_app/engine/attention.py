"""When a process looks into the database on its own, and when it lets it sleep."""

from __future__ import annotations

import time


class Attention:
    """Awake from the start, and for ``idle_seconds`` after each :meth:`wake`; without
    ``idle_seconds`` always. Whoever looks again and again does so only while awake. Safe to use
    from several threads."""

    def __init__(self, idle_seconds: float | None) -> None:
        self.idle_seconds = idle_seconds
        self._woken = time.monotonic()

    def wake(self) -> None:
        """Something was asked, or is not finished yet."""
        self._woken = time.monotonic()

    @property
    def is_awake(self) -> bool:
        return self.idle_seconds is None or time.monotonic() - self._woken < self.idle_seconds
