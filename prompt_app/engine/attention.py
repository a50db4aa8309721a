"""When a process looks into the database on its own, and when it lets it sleep."""

from __future__ import annotations

import time


class Attention:
    """Awake from the start, and for ``idle_seconds`` after each :meth:`wake`, but at least until
    one more look has begun; without ``idle_seconds`` always. Whoever looks again and again does
    so only while awake. Safe to use from several threads."""

    def __init__(self, idle_seconds: float | None) -> None:
        self.idle_seconds = idle_seconds
        self._woken = time.monotonic()
        self._owes_a_look = True

    def wake(self) -> None:
        """Something was asked, or is not finished yet."""
        self._woken = time.monotonic()
        self._owes_a_look = True

    def begin_look(self) -> None:
        """What woke this process is looked at now, however late that is."""
        self._owes_a_look = False

    @property
    def is_awake(self) -> bool:
        if self.idle_seconds is None or self._owes_a_look:
            return True
        return time.monotonic() - self._woken < self.idle_seconds
