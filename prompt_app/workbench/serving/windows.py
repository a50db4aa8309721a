"""What was used in the last minute."""

from __future__ import annotations

import math
from collections import deque


class Window:
    """Amounts of the last minute, exactly."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: deque[list[float]] = deque()
        self._sum = 0.0

    def wait_for(self, amount: float, now: float) -> float:
        """Seconds until ``amount`` fits; 0 where it does."""
        self._forget(now)
        excess = self._sum + amount - self.limit
        if excess <= 0:
            return 0.0
        for at, past in self._entries:
            excess -= past
            if excess <= 0:
                return max(0.001, at + 60 - now)
        return math.inf

    def free(self, now: float) -> int:
        """What is left of this minute's amount."""
        self._forget(now)
        return max(0, int(self.limit - self._sum))

    def add(self, amount: float, now: float) -> list[float]:
        entry = [now, amount]
        self._entries.append(entry)
        self._sum += amount
        return entry

    def correct(self, entry: list[float], amount: float) -> None:
        if entry[0] > -math.inf:
            self._sum += amount - entry[1]
            entry[1] = amount

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0][0] <= now - 60:
            entry = self._entries.popleft()
            self._sum -= entry[1]
            entry[0] = -math.inf


def resized(window: Window | None, limit: int | None) -> Window | None:
    """Another limit from now on; what was used in the last minute counts."""
    if limit is None:
        return None
    if window is None:
        return Window(limit)
    window.limit = limit
    return window
