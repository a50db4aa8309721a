"""Which requests are refused, and which go wrong."""

from __future__ import annotations

import math
import random
import time
from typing import Literal

from prompt_app.providers.mock.options import MockServerOptions

Fault = Literal["failed_500", "reset", "hung", "truncated", "malformed"]


class TokenBucket:
    """``rate`` tokens a second, at most ``burst`` at a time; full at the start."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = time.monotonic()

    def take(self) -> float:
        """Take a token; returns 0, or where there is none the seconds until there will be."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class Faults:
    """Draws the faults that the options ask for, from their seed."""

    def __init__(self, options: MockServerOptions) -> None:
        self._options = options
        self._random = random.Random(options.seed)
        rate = options.requests_per_second
        self._bucket = None if rate is None else self._bucket_of(rate)
        self._buckets = {
            model: self._bucket_of(rate) for model, rate in options.requests_per_second_of.items()
        }
        self._chances: list[tuple[float, Fault]] = [
            (options.p_500, "failed_500"),
            (options.p_reset, "reset"),
            (options.p_hang, "hung"),
            (options.p_truncate, "truncated"),
            (options.p_malformed, "malformed"),
        ]
        self._any_fault = any(chance for chance, _ in self._chances)

    def _bucket_of(self, rate: float) -> TokenBucket:
        return TokenBucket(rate, self._options.burst or max(1.0, rate / 10))

    def refuses(self, in_flight: int, model: str) -> float | None:
        """None, or for a refused request the seconds until it would be taken; 0 for one that is
        refused by chance."""
        options = self._options
        if options.max_concurrency is not None and in_flight >= options.max_concurrency:
            return max(options.latency_ms / 1000, 0.001)
        bucket = self._buckets.get(model, self._bucket)
        wait = bucket.take() if bucket is not None else 0.0
        if wait:
            return wait
        if options.p_429 and self._random.random() < options.p_429:
            return 0.0
        return None

    def retry_after(self, wait: float) -> str | None:
        """The header's value."""
        told = self._options.retry_after
        if told == "auto":
            return str(math.ceil(wait)) if wait > 0 else None
        return None if told is None else f"{told:g}"

    def latency(self) -> float:
        """In seconds."""
        options = self._options
        jitter = options.jitter_ms * (2 * self._random.random() - 1) if options.jitter_ms else 0.0
        return max(0.0, options.latency_ms + jitter) / 1000

    def draw(self) -> Fault | None:
        if not self._any_fault:
            return None
        left = self._random.random()
        for chance, fault in self._chances:
            if left < chance:
                return fault
            left -= chance
        return None

    def malformed(self, body: bytes) -> bytes:
        """Broken JSON, or whole JSON of another shape."""
        return body[: len(body) // 2] if self._random.random() < 0.5 else b'{"unexpected": true}'
