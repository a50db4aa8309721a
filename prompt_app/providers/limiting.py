"""Keeps the calls to one model within what its provider takes: how many at once, how many a
second, how many tokens a minute."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prompt_app.datamodel.model import GenerationRequest, Reply
from prompt_app.errors import RateLimitedError, ServerError
from prompt_app.interfaces import Provider
from prompt_app.providers.pacing import Pacer, SpendingCap
from prompt_app.providers.tokens import estimate_tokens


@dataclass(slots=True, eq=False)
class Slot:
    """The right to make one call, until it is given back."""

    tokens: int
    """Reserved."""
    sent_at: float = 0.0


class AdaptiveLimiter:
    """Shared by all callers of one model, on one event loop.

    Callers wait in order of arrival. ``requests_per_minute`` and ``tokens_per_minute`` are spread
    evenly over the minute. ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        max_concurrency: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._pacer = Pacer(max_concurrency)
        self._requests = SpendingCap(requests_per_minute) if requests_per_minute else None
        self._tokens = SpendingCap(tokens_per_minute) if tokens_per_minute else None
        self._in_flight = 0
        self._waiting: deque[tuple[asyncio.Future[Slot], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def concurrency(self) -> int:
        """Calls allowed at once now."""
        return int(self._pacer.concurrency)

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def rate(self) -> float | None:
        """Calls a second that the provider was found to take; None while it has refused none."""
        return self._pacer.rate

    @property
    def reserves_tokens(self) -> bool:
        return self._tokens is not None

    async def acquire(self, tokens: int = 0) -> Slot:
        """Wait for the turn to make a call that takes about ``tokens``. The slot must go to
        :meth:`release`, whatever becomes of the call."""
        if not self._waiting:
            now = self._clock()
            if self._blocked_for(now) <= 0:
                return self._launch(now, tokens)
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, tokens))
        self._serve()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.release(future.result(), used_tokens=0)
            else:
                self._serve()
            raise

    def release(self, slot: Slot, used_tokens: int | None = None) -> None:
        """End a call; ``used_tokens`` takes the place of what was reserved where it is known."""
        self._in_flight -= 1
        if self._tokens is not None and used_tokens is not None:
            self._tokens.correct(slot.tokens - used_tokens)
        self._serve()

    def succeeded(self, slot: Slot) -> None:
        """Tell, before the release, that the call was answered."""
        self._pacer.succeeded(slot.sent_at, self._clock())

    def refused(self, slot: Slot, retry_after: float | None) -> None:
        """Tell, before the release, that the call was refused for the rate."""
        self._pacer.refused(slot.sent_at, self._clock(), retry_after)

    def failed(self) -> None:
        """Tell, before the release, that the server failed."""
        self._pacer.failed(self._clock())

    def _launch(self, now: float, tokens: int) -> Slot:
        self._in_flight += 1
        self._pacer.sent(now)
        if self._requests is not None:
            self._requests.spend(1, now)
        if self._tokens is not None:
            self._tokens.spend(tokens, now)
        return Slot(tokens, now)

    def _blocked_for(self, now: float) -> float:
        """Seconds until the next call may start; infinite while no place is free."""
        if self._in_flight >= int(self._pacer.concurrency):
            return float("inf")
        wait = self._pacer.wait(now)
        if self._requests is not None:
            wait = max(wait, self._requests.wait(now))
        if self._tokens is not None:
            wait = max(wait, self._tokens.wait(now))
        return wait

    def _serve(self) -> None:
        """Let waiting callers go as far as is allowed, and come back when more may."""
        while self._waiting:
            future, tokens = self._waiting[0]
            if future.done():
                self._waiting.popleft()
                continue
            now = self._clock()
            wait = self._blocked_for(now)
            if wait > 0:
                self._wake_in(wait)
                return
            self._waiting.popleft()
            future.set_result(self._launch(now, tokens))

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds != float("inf"):
            self._timer = asyncio.get_running_loop().call_later(seconds, self._serve)


class Limited:
    """A provider whose calls wait for the limiter, and teach it."""

    def __init__(self, provider: Provider, limiter: AdaptiveLimiter) -> None:
        self._provider = provider
        self._limiter = limiter

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """``timeout`` begins when the call's turn has come."""
        limiter = self._limiter
        slot = await limiter.acquire(self._tokens_of(request))
        used: int | None = None
        try:
            reply = await self._provider.generate(request, timeout)
            used = reply.usage.total
            limiter.succeeded(slot)
            return reply
        except RateLimitedError as error:
            used = 0
            limiter.refused(slot, error.retry_after)
            raise
        except ServerError:
            used = 0
            limiter.failed()
            raise
        finally:
            limiter.release(slot, used)

    async def close(self) -> None:
        await self._provider.close()

    def _tokens_of(self, request: GenerationRequest) -> int:
        if not self._limiter.reserves_tokens:
            return 0
        outputs = (request.parameters.max_tokens or 0) * request.parameters.num_responses
        return estimate_tokens(request.messages) + outputs
