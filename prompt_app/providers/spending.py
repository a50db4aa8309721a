"""Caps for each minute, spread evenly over it."""

from __future__ import annotations

BURST_SECONDS = 0.1


class SpendingCap:
    """What is spent is paid off at the cap's rate, and nothing starts while there is debt: a
    thing larger than the whole cap only makes the next ones wait. Times are monotonic seconds."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60
        self._most = self._rate * BURST_SECONDS
        self._credit = self._most
        self._at: float | None = None

    def change(self, per_minute: float, now: float) -> None:
        """Another cap from now on."""
        self._advance(now)
        self._rate = per_minute / 60
        self._most = self._rate * BURST_SECONDS
        self._credit = min(self._most, self._credit)

    def delay(self, now: float) -> float:
        """Seconds until something may start."""
        self._advance(now)
        return 0.0 if self._credit >= 0 else -self._credit / self._rate

    def spend(self, amount: float, now: float) -> None:
        self._advance(now)
        self._credit -= amount

    def correct(self, amount: float) -> None:
        """Give back ``amount`` of what was spent; take more where it is negative."""
        self._credit = min(self._most, self._credit + amount)

    def _advance(self, now: float) -> None:
        if self._at is not None:
            self._credit = min(self._most, self._credit + (now - self._at) * self._rate)
        self._at = now
