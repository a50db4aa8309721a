"""This process's parts of limits that other processes keep to as well."""

from __future__ import annotations

import time

from prompt_app.engine.callers import LimiterKey
from prompt_app.providers.limiting import AdaptiveLimiter

LOOK_SECONDS = 0.5
"""Between two looks for others who share a limit."""
_JOIN_SECONDS = 1.5 * LOOK_SECONDS
"""Within it, those who share a limit have seen a newcomer and given way."""
_HELD_SECONDS = 2 * LOOK_SECONDS
"""For so long after its last look, a worker's part is left to it."""


class Parts:
    """Which limits this process has a part of."""

    def __init__(self) -> None:
        self._seen: dict[LimiterKey, float] = {}

    def take(self, key: LimiterKey, limiter: AdaptiveLimiter, workers: int) -> float:
        """Keep to one of ``workers`` equal parts of a limit. Returns the seconds until the others
        have left it to this process: 0 where it had its part before."""
        now = time.monotonic()
        had_it = now - self._seen.get(key, -_HELD_SECONDS) < _HELD_SECONDS
        self._seen[key] = now
        limiter.share(workers)
        return 0.0 if had_it or workers == 1 else _JOIN_SECONDS
