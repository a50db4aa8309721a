"""Learns how fast, and how many at once, a provider takes calls. Pure arithmetic over times that
the caller passes in, in monotonic seconds.

Additive growth and multiplicative cuts of the concurrency alone swing widely around a limit on
the rate. So :class:`Pacer` also learns the rate itself, from one fact: a refusal means that the
provider's allowance is used up at that moment. The calls that went through between two refusals,
over the time between them, are thus the rate that it allows, however large a burst it forgives.

Three states:

- *open*: nothing is known to be limited. Calls start as fast as there is room, after a short ramp
  in which a limit shows before the whole concurrency has run into it.
- *finding*: a limit was met. The rate starts low and doubles until it is met again.
- *settled*: the rate stays between what went through and what was refused. It grows slowly, the
  more slowly the dearer a refusal is (``Retry-After``), and faster when none comes for long.

Refusals that do not get rarer when the rate falls are not about the rate; they are then ignored
as long as they do not get more frequent.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from prompt_app.providers.refusals import Evidence, NoiseTest

RAMP_SECONDS = 0.02
"""In the ramp the number of calls started grows by a factor of e in this time."""
LEAST_RAMP_GAP_SECONDS = 0.0005
"""About what one process can start; faster, the calls would only wait for their turn on the CPU,
and so would the refusals."""
OPEN_WINDOW = 200
"""Calls after which a share of refusals is taken for steady."""
CATCH_UP_SECONDS = 0.01
"""Calls that timers brought late may start together, for at most so much of the pace."""
LEAST_RATE = 2.0
FIRST_RATE = 5.0
TOLERATED_SHARE = 0.15
"""Of calls refused while no limit is known, over many calls."""
EARLY_SHARE = 0.3
"""The same over the first few."""
DOUBLING_SECONDS = 0.4
MOST_GROWTH_PER_CALL = 1.3
CYCLE_SECONDS = 1.0
CYCLE_CALLS = 24
CYCLE_HOLDS = 20
"""A refusal is wanted once in so long: one in so many calls, or one hold in so many of its time."""
CYCLE_GROWTH = 0.05
CYCLE_GROWTH_WHEN_HELD = 0.02
FAILING_SHARE = 0.1
"""Nothing grows while a larger share of the latest calls met a failing server."""
FAILING_WINDOW = 64


@dataclass(slots=True, eq=False)
class Slot:
    """One call, from its start to its end."""

    number: int
    started_at: float
    others: int
    """Calls in flight when it started."""
    tokens: int = 0
    """Reserved for it."""


class Pacer:
    """``concurrency`` is the number of calls allowed at once, ``rate`` the calls a second (None
    while open)."""

    def __init__(self, max_concurrency: int) -> None:
        self._most = max_concurrency
        self.concurrency = float(max_concurrency)
        self.rate: float | None = None
        self._started = 0
        self._ramp_from = 0
        self._last_at = float("-inf")
        self._next_at = float("-inf")
        self._held_until = float("-inf")
        self._hold_seconds = 0.0
        self._holds = 0
        self._failing = 0.0
        self._finding = False
        self._growth = 0.0
        self._last_lower = 0.0
        self._latest_refused: deque[int] = deque(maxlen=4)
        self._evidence = Evidence(0, 0.0)
        self._noise_test = NoiseTest()

    def limit(self, most: int) -> None:
        """Another largest concurrency; one that was never cut follows it up as well."""
        uncut = self.concurrency >= self._most
        self._most = most
        self.concurrency = float(most) if uncut else min(self.concurrency, float(most))

    def delay(self, now: float) -> float:
        """Seconds until the next call may start; not positive when it may."""
        return max(self._held_until, self._next_at) - now

    def held(self, now: float) -> float:
        """Seconds until the end of the pause that the provider has asked for; 0 without one."""
        return max(0.0, self._held_until - now)

    def start(self, now: float, in_flight: int, *, waited: bool, paced: bool) -> Slot:
        """A call starts; ``waited`` if it could not when it wanted to, ``paced`` if it was this
        pacer's delay that held it up."""
        self._started += 1
        if self.rate is None:
            self._start_open(now)
        else:
            elapsed = now - self._last_at
            if not waited:
                elapsed = min(elapsed, 2 / self.rate)
            self._evidence.active_seconds += elapsed
            if paced and self._failing <= FAILING_SHARE:
                self._grow(elapsed)
            self._next_at = max(self._next_at, now - CATCH_UP_SECONDS) + 1 / self.rate
        self._last_at = now
        return Slot(self._started, now, in_flight)

    def succeeded(self) -> None:
        self._failing -= self._failing / FAILING_WINDOW
        if self._failing <= FAILING_SHARE:
            fast = self._finding or self._noise_test.share > 0
            step = 1.0 if fast else max(0.02, 0.5 / self.concurrency)
            self.concurrency = min(float(self._most), self.concurrency + step)

    def failed(self) -> None:
        """The server failed, which says nothing of its limits."""
        self._failing += (1 - self._failing) / FAILING_WINDOW

    def refused(self, slot: Slot, now: float, retry_after: float | None) -> None:
        """The provider refused the call for the rate. Refusals of calls that started before the
        last cut belong to the burst that caused it, and change nothing more."""
        if retry_after:
            self._held_until = max(self._held_until, now + retry_after)
            self._holds += slot.number > self._ramp_from
            self._ramp_from = self._started
        evidence = self._evidence
        if not evidence.add_refusal(slot.number, slot.others):
            return
        self._hold_seconds = retry_after or 0.0
        if self.rate is None:
            self._judge_open(slot, now)
        elif self._finding:
            self._judge_finding(slot, now)
        else:
            self._judge_settled(slot, now)

    def _start_open(self, now: float) -> None:
        evidence = self._evidence
        calls = self._started - evidence.first_number
        window_is_over = now - evidence.began_at > 1.0 and calls > OPEN_WINDOW
        idle_since = max(self._last_at, self._held_until)
        if window_is_over or now - idle_since > 1.0:
            self._evidence = Evidence(self._started - 1, now)
        in_ramp = self._started - self._ramp_from
        gap = 0.0
        if in_ramp < self._most:
            gap = max(LEAST_RAMP_GAP_SECONDS, RAMP_SECONDS / in_ramp)
        self._next_at = max(self._next_at, now - CATCH_UP_SECONDS / 3) + gap

    def _grow(self, elapsed: float) -> None:
        assert self.rate is not None
        if self._finding or self._noise_test.share > 0:
            self.rate *= min(MOST_GROWTH_PER_CALL, 2 ** (elapsed / DOUBLING_SECONDS))
            return
        overdue = max(1.0, self._evidence.active_seconds / self._cycle(self.rate))
        self.rate *= 1 + min(elapsed * self._growth * overdue**2, 0.05)

    def _cycle(self, rate: float) -> float:
        return max(CYCLE_SECONDS, CYCLE_HOLDS * self._hold_seconds, CYCLE_CALLS / rate)

    def _judge_open(self, slot: Slot, now: float) -> None:
        """A limit shows as four refusals in five calls, as a steady share of many, and as the
        second time that the provider asks to wait."""
        evidence = self._evidence
        self._latest_refused.append(slot.number)
        run = len(self._latest_refused) == 4 and (
            max(self._latest_refused) - min(self._latest_refused) < 5
        )
        early = evidence.calls < 12 and evidence.refused >= 3 and evidence.share > EARLY_SHARE
        steady = evidence.calls >= OPEN_WINDOW and evidence.share > TOLERATED_SHARE
        if not (run or early or steady or self._holds > 1):
            return
        seconds = max(0.0, slot.started_at - evidence.began_at) + 0.5
        self.rate = max(FIRST_RATE, evidence.admitted / seconds)
        self._finding = True
        self._begin(now)

    def _judge_finding(self, slot: Slot, now: float) -> None:
        evidence = self._evidence
        if not self._hold_seconds and (
            evidence.refused < 2 or evidence.recent_share <= TOLERATED_SHARE
        ):
            return
        if evidence.share > 0.6:
            if evidence.refused >= 3:
                self._slow_down(now, slot, 2)
            return
        self._finding = False
        self._settle(slot, now)

    def _judge_settled(self, slot: Slot, now: float) -> None:
        evidence = self._evidence
        noise = self._noise_test.share
        if noise and evidence.recent_share <= 2 * noise + 0.08:
            return
        if evidence.admitted < CYCLE_CALLS and evidence.refused < 3:
            return
        if evidence.share > 0.9:
            self._noise_test.share = 0.0
            self._slow_down(now, slot, 3)
            return
        self._settle(slot, now)

    def _settle(self, slot: Slot, now: float) -> None:
        """Choose a rate between what went through and what was refused."""
        assert self.rate is not None
        evidence = self._evidence
        upper = self.rate * (1 - evidence.share)
        measured = evidence.admitted >= 16
        if measured:
            self._last_lower = lower = evidence.admitted / max(0.001, evidence.active_seconds)
        else:
            self._last_lower *= 0.8
            lower = max(0.72 * upper, self._last_lower)
        if not self._hold_seconds:
            restored = self._noise_test.judge(self.rate, lower, evidence)
            if restored is not None:
                self.rate, self.concurrency = restored, float(self._most)
                self._begin(now)
                return
        self._noise_test.share = 0.0
        ceiling = 0.99 * (upper if measured else self.rate)
        floor = LEAST_RATE if measured else max(LEAST_RATE, self.rate / 2)
        self.rate = max(floor, min(ceiling, math.sqrt(lower * upper)))
        self._plan_growth(upper)
        self._cut_concurrency(slot)
        self._begin(now)

    def _plan_growth(self, upper: float) -> None:
        """Be back at ``upper`` within a cycle; little evidence makes for bolder steps."""
        assert self.rate is not None
        calls = self._evidence.calls
        least = CYCLE_GROWTH_WHEN_HELD if self._hold_seconds else CYCLE_GROWTH
        doubt = 0.7 / math.sqrt(calls) if calls < CYCLE_CALLS else 0.0
        back = math.log(max(1.0, upper / self.rate))
        self._growth = max(back, least, doubt) / self._cycle(self.rate)

    def _slow_down(self, now: float, slot: Slot, divisor: int) -> None:
        """Nearly everything is refused."""
        assert self.rate is not None
        self.rate = max(LEAST_RATE, self.rate / divisor)
        self._finding = True
        self._cut_concurrency(slot)
        self._begin(now)

    def _cut_concurrency(self, slot: Slot) -> None:
        """x0.8, but not below what was in flight when the call was refused; at once to that where
        many were refused, since that is how a limit on concurrency shows."""
        if self._evidence.share > 0.3:
            self.concurrency = max(2.0, min(self.concurrency, float(slot.others)))
        else:
            in_use = min(self.concurrency, 1.1 * slot.others + 0.5)
            self.concurrency = max(1.0, 0.8 * self.concurrency, in_use)
        self.concurrency = min(self.concurrency, float(self._most))

    def _begin(self, now: float) -> None:
        """Start to collect evidence anew."""
        assert self.rate is not None
        self._evidence = Evidence(self._started, now, self._noise_test.share)
        self._next_at = max(self._next_at, self._held_until, now) + 1 / self.rate
