"""Keeps the calls to one model within what its provider takes: how many at once, how many a
second, how many tokens a minute."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest, ModelRequest
from prompt_app.datamodel.model import GenerationRequest, Reply, ReplyEvent
from prompt_app.errors import RateLimitedError, ServerError
from prompt_app.interfaces import Provider
from prompt_app.providers.embedding import embed
from prompt_app.providers.pacing import Pacer, Slot
from prompt_app.providers.patience import ENDLESS, SHORT_PAUSE_SECONDS, CallTime, Patience, paused
from prompt_app.providers.spending import SpendingCap
from prompt_app.providers.tokens import estimate_tokens

Answered = TypeVar("Answered", Reply, EmbeddingReply)


class AdaptiveLimiter:
    """Shared by all callers of one model, on one event loop.

    Callers go in order of arrival. ``requests_per_minute`` and ``tokens_per_minute`` are spread
    evenly over the minute. How the provider's own limits are learned: see
    :mod:`prompt_app.providers.pacing`. ``clock`` gives monotonic seconds.
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
        self._whole = (max_concurrency, requests_per_minute, tokens_per_minute)
        self._pacer = Pacer(max_concurrency)
        self._requests = SpendingCap(requests_per_minute) if requests_per_minute else None
        self._tokens = SpendingCap(tokens_per_minute) if tokens_per_minute else None
        self._sharers = 1
        self._in_flight = 0
        self._waiting: deque[tuple[asyncio.Future[Slot], int]] = deque()
        self._hasty: set[asyncio.Future[Slot]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._paced = False

    @property
    def concurrency(self) -> int:
        """Calls allowed at once now."""
        return int(self._pacer.concurrency)

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def rate(self) -> float | None:
        """Calls a second that are started at most; None while no limit was met."""
        return self._pacer.rate

    @property
    def reserves_tokens(self) -> bool:
        return self._tokens is not None

    @property
    def is_free(self) -> bool:
        """Whether a call would start at once."""
        return not self._waiting and self._delay(self._clock()) <= 0

    @property
    def wait_seconds(self) -> float:
        """Until a call may start as far as rates go: 0 where only places are taken."""
        delay = self._delay(self._clock())
        return max(0.0, delay) if delay < math.inf else 0.0

    @property
    def pause_seconds(self) -> float:
        """For which the provider has asked not to be called."""
        return self._pacer.held(self._clock())

    def share(self, workers: int) -> None:
        """Take one of ``workers`` equal parts of the limits that were given; the other parts are
        other processes'. A part grows when it is told twice in a row that it may: a worker that
        is between two pieces of its work has not left."""
        workers, self._sharers = max(workers, self._sharers), workers
        most, requests, tokens = self._whole
        now = self._clock()
        self._pacer.limit(max(1, most // workers))
        if self._requests is not None and requests is not None:
            self._requests.change(requests / workers, now)
        if self._tokens is not None and tokens is not None:
            self._tokens.change(tokens / workers, now)
        self._serve()

    async def acquire(self, tokens: int = 0, *, hasty: bool = False) -> Slot:
        """Wait for the turn to make a call that takes about ``tokens``.

        The slot must go to :meth:`release` whatever becomes of the call; what became of it is to
        be told before. A ``hasty`` call waits for no pause that the provider has asked for, or
        asks for meanwhile: that raises RateLimitedError.
        """
        if hasty and (pause := self.pause_seconds) > SHORT_PAUSE_SECONDS:
            raise paused(pause)
        if not self._waiting:
            now = self._clock()
            if self._delay(now) <= 0:
                return self._launch(now, tokens, waited=False)
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, tokens))
        if hasty:
            self._hasty.add(future)
        self._serve()
        try:
            return await future
        except asyncio.CancelledError:
            # The slot may have been granted in the very moment of the cancellation.
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release(future.result(), used_tokens=0)
            raise
        finally:
            self._hasty.discard(future)

    def release(self, slot: Slot, used_tokens: int | None = None) -> None:
        """End a call; ``used_tokens`` takes the place of what was reserved, where it is known."""
        self._in_flight -= 1
        if self._tokens is not None and used_tokens is not None:
            self._tokens.correct(slot.tokens - used_tokens)
        self._serve()

    def succeeded(self) -> None:
        """A call was answered."""
        self._pacer.succeeded()

    def refused(self, slot: Slot, retry_after: float | None = None) -> None:
        """The provider refused the call for the rate; no call starts for ``retry_after``
        seconds."""
        self._pacer.refused(slot, self._clock(), retry_after)
        if self._hasty and (pause := self.pause_seconds) > SHORT_PAUSE_SECONDS:
            for future in self._hasty:
                if not future.done():
                    future.set_exception(paused(pause))

    def failed(self) -> None:
        """The server failed."""
        self._pacer.failed()

    def _launch(self, now: float, tokens: int, *, waited: bool) -> Slot:
        paced = waited and self._paced
        slot = self._pacer.start(now, self._in_flight, waited=waited, paced=paced)
        slot.tokens = tokens
        self._in_flight += 1
        if self._requests is not None:
            self._requests.spend(1, now)
        if self._tokens is not None:
            self._tokens.spend(tokens, now)
        return slot

    def _delay(self, now: float) -> float:
        """Seconds until the next call may start; infinite while no place is free. Notes whether
        it is the pace that holds it up."""
        if self._in_flight >= int(self._pacer.concurrency):
            self._paced = False
            return math.inf
        pace = delay = self._pacer.delay(now)
        if self._requests is not None:
            delay = max(delay, self._requests.delay(now))
        if self._tokens is not None:
            delay = max(delay, self._tokens.delay(now))
        if delay > 0:
            self._paced = delay == pace
        return delay

    def _serve(self) -> None:
        """Let waiting callers go as far as is allowed, and come back when more may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            future, tokens = self._waiting[0]
            if future.done():
                self._waiting.popleft()
                continue
            now = self._clock()
            delay = self._delay(now)
            if delay > 0:
                if delay < math.inf:
                    self._timer = asyncio.get_running_loop().call_later(delay, self._serve)
                return
            self._waiting.popleft()
            future.set_result(self._launch(now, tokens, waited=True))


class Limited:
    """A provider whose calls wait for the limiter, and teach it."""

    def __init__(
        self, provider: Provider, limiter: AdaptiveLimiter, patience: Patience = ENDLESS
    ) -> None:
        self._provider = provider
        self._limiter = limiter
        self._patience = patience

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """``timeout`` begins when the call's turn has come, or as ``patience`` says."""
        return await self._in_turn(
            request, timeout, lambda: self._provider.generate(request, timeout)
        )

    async def embed(self, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
        """As :meth:`generate`."""
        return await self._in_turn(
            request, timeout, lambda: embed(self._provider, request, timeout)
        )

    async def close(self) -> None:
        await self._provider.close()

    async def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The slot is held until the stream ends."""
        call_time = self._patience.call_time(request, timeout)
        async with (
            self._turn(request, call_time) as answered,
            aclosing(self._provider.stream(request, timeout)) as events,
        ):
            async for event in call_time.first_in_time(events):
                if isinstance(event, Reply):
                    answered(event.usage.total)
                yield event

    async def _in_turn(
        self, request: ModelRequest, timeout: float, call: Callable[[], Awaitable[Answered]]
    ) -> Answered:
        call_time = self._patience.call_time(request, timeout)
        async with self._turn(request, call_time) as answered:
            reply = await call_time.in_turn(call())
            answered(reply.usage.total)
            return reply

    @asynccontextmanager
    async def _turn(
        self, request: ModelRequest, call_time: CallTime
    ) -> AsyncGenerator[Callable[[int], None], None]:
        """Holds a slot; what it gives is to be told the tokens that the answer took."""
        limiter = self._limiter
        tokens = reserved_tokens(request) if limiter.reserves_tokens else 0
        slot = await call_time.in_line(limiter.acquire(tokens, hasty=self._patience.hasty))
        used: list[int] = []
        async with taught(limiter, slot, used):
            yield used.append


@asynccontextmanager
async def taught(
    limiter: AdaptiveLimiter, slot: Slot, used: list[int]
) -> AsyncGenerator[None, None]:
    """Ends the call of ``slot``, and tells the limiter what became of it. ``used`` takes the
    tokens of the answer, once there is one."""
    known: int | None = None
    try:
        yield
    except RateLimitedError as error:
        known = 0
        limiter.refused(slot, error.retry_after)
        raise
    except ServerError:
        known = 0
        limiter.failed()
        raise
    finally:
        if used:
            known = used[0]
            limiter.succeeded()
        limiter.release(slot, known)


def reserved_tokens(request: ModelRequest) -> int:
    """The input and the longest output, as providers count a call when it starts."""
    outputs = (request.parameters.max_tokens or 0) * request.parameters.num_responses
    return estimate_tokens(request.messages) + outputs
