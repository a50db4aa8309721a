"""Bounded retries with full jitter, around any provider. The only retry loop in the stack.

The wait before retry n is drawn evenly from 0 to ``base * 2**n`` ("full jitter": M. Brooker,
Exponential Backoff and Jitter, AWS Architecture Blog, 2015), so that callers that failed together
do not come back together.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import GenerationRequest, Reply, ReplyEvent
from prompt_app.errors import ProviderError, RateLimitedError, TransientError
from prompt_app.interfaces import Provider
from prompt_app.providers.dividing import (
    answer_all,
    embedding_requests,
    merged,
    single_requests,
)
from prompt_app.providers.embedding import embed, joined
from prompt_app.providers.streaming import in_one_piece

Answer = TypeVar("Answer")

BASE_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
RATE_LIMITED_BASE_SECONDS = 0.05
"""Small: the limiter below knows better when to call again."""
RATE_LIMITED_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait and how long to go on; all in seconds of monotonic time."""

    base: float = BASE_SECONDS
    longest: float = LONGEST_WAIT_SECONDS
    rate_limited: float = RATE_LIMITED_SECONDS
    """From a call's first rate-limit refusal until it is given up."""
    total: float | None = None
    """From the first attempt to the start of the last; no bound when None."""


class Retrying:
    """Tries a call up to ``max_attempts`` times while it fails with a TransientError.

    A rate-limit refusal is no attempt: it is retried for ``waits.rate_limited`` seconds, not
    before its ``retry_after``. Any other error passes at once. The error that comes out carries
    the number of calls made, refusals included, as ``attempts``.

    ``on_retry`` gets the error kind of every failed call that is made again, so a reply took one
    call more than there were callbacks for it; :meth:`generate_counted` returns that number.
    """

    def __init__(
        self,
        provider: Provider,
        max_attempts: int,
        on_retry: Callable[[str], None] | None = None,
        waits: Waits | None = None,
    ) -> None:
        self._provider = provider
        self._max_attempts = max_attempts
        self._on_retry = on_retry
        self._waits = waits or Waits()

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """``timeout`` holds for each attempt."""
        reply, _ = await self.generate_counted(request, timeout)
        return reply

    async def generate_counted(
        self, request: GenerationRequest, timeout: float
    ) -> tuple[Reply, int]:
        """The reply, and how many calls it took. Where the model gives one response a request,
        each of several is a call of its own: see :mod:`prompt_app.providers.dividing`."""

        calls = 0

        async def one(part: GenerationRequest) -> Reply:
            nonlocal calls
            reply, made = await self._until_answered(lambda: self._provider.generate(part, timeout))
            calls += made
            return reply

        replies = await answer_all(single_requests(request), one)
        return merged(replies), calls

    async def embed(self, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
        """``timeout`` holds for each attempt."""

        async def one(part: EmbeddingRequest) -> EmbeddingReply:
            reply, _ = await self._until_answered(lambda: embed(self._provider, part, timeout))
            return reply

        return joined(await answer_all(embedding_requests(request), one))

    async def close(self) -> None:
        await self._provider.close()

    async def _until_answered(self, attempt: Callable[[], Awaitable[Answer]]) -> tuple[Answer, int]:
        call = _Retries(self._max_attempts, self._waits)
        while True:
            call.made += 1
            try:
                return await attempt(), call.made
            except ProviderError as error:
                wait = self._wait_after(error, call)
            await asyncio.sleep(wait)

    async def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Tried again only while no piece has been given out."""
        if len(single_requests(request)) > 1:
            async with aclosing(in_one_piece(self.generate(request, timeout))) as whole:
                async for event in whole:
                    yield event
            return
        call = _Retries(self._max_attempts, self._waits)
        while True:
            call.made += 1
            begun = False
            try:
                async with aclosing(self._provider.stream(request, timeout)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except ProviderError as error:
                wait = self._wait_after(error, call, begun=begun)
            await asyncio.sleep(wait)

    def _wait_after(self, error: ProviderError, call: _Retries, *, begun: bool = False) -> float:
        """Seconds until the next attempt. Raises ``error`` where there shall be none."""
        wait = None
        if isinstance(error, TransientError) and not begun:
            wait = call.wait_after(error)
        if wait is None:
            error.attempts = call.made
            raise error
        if self._on_retry is not None:
            self._on_retry(error.kind)
        return wait


class _Retries:
    """The bookkeeping of one call."""

    def __init__(self, max_attempts: int, waits: Waits) -> None:
        self.made = 0
        self._max_attempts = max_attempts
        self._waits = waits
        self._started = time.monotonic()
        self._refused = 0
        self._refused_since: float | None = None

    def wait_after(self, error: TransientError) -> float | None:
        """Seconds until the next attempt; None where there shall be none."""
        now = time.monotonic()
        if isinstance(error, RateLimitedError):
            wait = self._wait_after_refusal(error, now)
        elif self.made - self._refused >= self._max_attempts:
            return None
        else:
            wait = self._draw(self._waits.base, self.made - self._refused)
        total = self._waits.total
        if wait is None or (total is not None and now + wait - self._started > total):
            return None
        return wait

    def _wait_after_refusal(self, error: RateLimitedError, now: float) -> float | None:
        self._refused += 1
        if self._refused_since is None:
            self._refused_since = now
        wait = self._draw(RATE_LIMITED_BASE_SECONDS, self._refused)
        if error.retry_after is not None:
            wait = error.retry_after + self._draw(RATE_LIMITED_BASE_SECONDS, 1)
        ends = self._refused_since + self._waits.rate_limited
        return wait if now + wait <= ends else None

    def _draw(self, base: float, number: int) -> float:
        return random.uniform(0.0, min(self._waits.longest, base * 2.0 ** min(number - 1, 30)))
