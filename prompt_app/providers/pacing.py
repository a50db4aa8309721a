"""When the next call may start: pure arithmetic over times that the caller passes in, in
monotonic seconds."""

from __future__ import annotations

CUT = 0.8
COOLDOWN_SECONDS = 0.5


class SpendingCap:
    """A cap for each minute, spread evenly: what is spent is paid off at the cap's rate, and
    nothing starts while there is debt."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60
        self._burst = self._rate / 10
        self._credit = self._burst
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until something may start."""
        self._advance(now)
        return 0.0 if self._credit >= 0 else -self._credit / self._rate

    def spend(self, amount: float, now: float) -> None:
        self._advance(now)
        self._credit -= amount

    def correct(self, amount: float) -> None:
        """Give back ``amount``, or take it where it is negative."""
        self._credit = min(self._burst, self._credit + amount)

    def _advance(self, now: float) -> None:
        if self._at is not None:
            self._credit = min(self._burst, self._credit + (now - self._at) * self._rate)
        self._at = now


class Pacer:
    """Additive growth, x0.8 on a burst of refusals."""

    def __init__(self, max_concurrency: int) -> None:
        self._most = max_concurrency
        self.concurrency = float(min(max_concurrency, max(20, max_concurrency / 2)))
        self.rate: float | None = None
        self._held_until = 0.0
        self._cut_at = float("-inf")

    def wait(self, now: float) -> float:
        return self._held_until - now

    def sent(self, now: float) -> None:
        pass

    def succeeded(self, sent_at: float, now: float) -> None:
        self.concurrency = min(self._most, self.concurrency + 1)

    def refused(self, sent_at: float, now: float, retry_after: float | None) -> None:
        if retry_after is not None:
            self._held_until = max(self._held_until, now + retry_after)
        if sent_at > self._cut_at and now - self._cut_at > COOLDOWN_SECONDS:
            self.concurrency = max(1.0, self.concurrency * CUT)
            self._cut_at = now

    def failed(self, now: float) -> None:
        pass
