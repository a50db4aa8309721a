"""A limited provider and a tireless client in simulated time: a minute takes a fraction of a
second, and the outcome is the same on every machine."""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field
from typing import Any

from prompt_app.providers.pacing import Pacer, Slot


@dataclass
class Provider:
    """Refuses calls above ``rate`` a second (of which ``burst`` may come at once), above
    ``concurrency`` at a time, and by ``chance``."""

    rate: float | None = None
    burst: float = 1.0
    concurrency: int | None = None
    chance: float = 0.0
    latency: float = 0.1
    jitter: float = 0.1
    """Share of the latency by which it varies."""
    refusal_latency: float = 0.003
    tells_seconds: bool = False
    """Refuses with a Retry-After in whole seconds."""
    in_work: int = 0
    tokens: float = field(default=math.inf)
    at: float = 0.0

    def admit(self, now: float, draw: float) -> float | None:
        """None, or the seconds until a call would be taken."""
        if self.concurrency is not None and self.in_work >= self.concurrency:
            return self.latency
        if self.rate is not None:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
            self.at = now
            if self.tokens < 1:
                return (1 - self.tokens) / self.rate
            self.tokens -= 1
        if draw < self.chance:
            return 1.0
        self.in_work += 1
        return None


@dataclass
class Outcome:
    started: list[float] = field(default_factory=list)
    admitted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    ended: float = 0.0

    def throughput(self, begin: float, end: float) -> float:
        """Admitted calls a second."""
        return sum(begin <= at < end for at in self.admitted) / (end - begin)

    def refused_share(self, begin: float = 0.0) -> float:
        good = sum(at >= begin for at in self.admitted)
        bad = sum(at >= begin for at in self.refused)
        return bad / max(1, good + bad)


class Simulation:
    """Runs until ``seconds`` have passed or ``calls`` were answered; ``changes`` are attributes
    of the provider that change at a time."""

    def __init__(
        self,
        provider: Provider,
        most: int,
        *,
        seconds: float = math.inf,
        calls: float = math.inf,
        seed: int = 0,
    ) -> None:
        self.provider = provider
        self.pacer = Pacer(most)
        self.outcome = Outcome()
        self.changes: list[tuple[float, dict[str, Any]]] = []
        self._most = most
        self._seconds = seconds
        self._calls = calls
        self._random = random.Random(seed)
        self._events: list[tuple[float, int, str, Slot | None, float]] = []
        self._pushed = 0
        self._in_flight = 0
        self._wake_at = math.inf
        self._paced = False

    def run(self) -> Outcome:
        answered = 0
        self._wake_at = 0.0
        self._push(0.0, "wake")
        while self._events:
            now, _, kind, slot, told = heapq.heappop(self._events)
            if now > self._seconds:
                break
            while self.changes and now >= self.changes[0][0]:
                for name, value in self.changes.pop(0)[1].items():
                    setattr(self.provider, name, value)
            if kind == "arrive":
                self._arrive(now, slot)
                continue
            if kind == "answer":
                self.provider.in_work -= 1
                self._in_flight -= 1
                answered += 1
                self.outcome.ended = now
                self.pacer.succeeded()
                if answered >= self._calls:
                    break
            elif kind == "refusal" and slot is not None:
                self._in_flight -= 1
                self.pacer.refused(slot, now, told or None)
            elif now == self._wake_at:
                self._wake_at = math.inf
            else:
                continue  # An earlier one has taken its place.
            self._start_calls(now)
        return self.outcome

    def _arrive(self, now: float, slot: Slot | None) -> None:
        provider = self.provider
        wait = provider.admit(now, self._random.random())
        if wait is None:
            self.outcome.admitted.append(now)
            spread = provider.jitter * (2 * self._random.random() - 1)
            self._push(now + provider.latency * (1 + spread), "answer", slot)
        else:
            self.outcome.refused.append(now)
            told = float(math.ceil(wait)) if provider.tells_seconds else 0.0
            self._push(now + provider.refusal_latency / 2, "refusal", slot, told)

    def _start_calls(self, now: float) -> None:
        while self._in_flight < min(self._most, int(self.pacer.concurrency)):
            delay = self.pacer.delay(now)
            if delay > 0:
                self._paced = True
                # Timers come late by up to a millisecond.
                at = now + delay + self._random.random() * 0.001
                if at < self._wake_at:
                    self._wake_at = at
                    self._push(at, "wake")
                return
            slot = self.pacer.start(now, self._in_flight, waited=True, paced=self._paced)
            self._in_flight += 1
            self.outcome.started.append(now)
            way = max(0.0, self.provider.refusal_latency / 2 - 0.001)
            self._push(now + way + self._random.expovariate(1000), "arrive", slot)
        self._paced = False

    def _push(self, at: float, kind: str, slot: Slot | None = None, told: float = 0.0) -> None:
        self._pushed += 1
        heapq.heappush(self._events, (at, self._pushed, kind, slot, told))
