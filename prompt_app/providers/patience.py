"""How long a call waits for its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from typing import TypeVar

from prompt_app.datamodel.embedding import ModelRequest
from prompt_app.datamodel.model import ReplyEvent
from prompt_app.errors import DeadlineExceededError, RateLimitedError

Given = TypeVar("Given")

LEAST_WAIT_SECONDS = 0.001
"""A call that began sooner has not waited: its provider alone keeps the time."""

SHORT_PAUSE_SECONDS = 0.25
"""For which also a hasty call waits."""


@dataclass(frozen=True, slots=True)
class Patience:
    """As it is, a call waits without an end: an evaluation's wait in thousands, and the timeout
    of each begins with its turn."""

    within_timeout: bool = False
    """The wait is part of the call's timeout; of a stream, until its first piece."""
    hasty: bool = False
    """Nobody waits where the provider asks for a pause: another one may answer."""

    def call_time(self, request: ModelRequest, timeout: float) -> CallTime:
        """Of a call that stands in line from now on."""
        return CallTime(request, timeout if self.within_timeout else None)


ENDLESS = Patience()


class CallTime:
    """The time of one call; ``seconds`` from now, or without an end."""

    def __init__(self, request: ModelRequest, seconds: float | None) -> None:
        self._model = request.model.reference
        self._seconds = seconds
        self._since = time.monotonic()
        self._waited = 0.0

    async def in_line(self, turn: Awaitable[Given]) -> Given:
        """Waits for the turn, or for the next part of it. Raises DeadlineExceededError."""
        if self._seconds is None:
            return await turn
        try:
            async with asyncio.timeout(self._seconds - self._waited):
                found = await turn
        except TimeoutError:
            raise DeadlineExceededError(
                f"No place for a call to {self._model} was free within {self._seconds:g} s: all "
                "are taken, or its provider has asked to wait."
            ) from None
        self._waited = time.monotonic() - self._since
        return found

    async def in_turn(self, call: Awaitable[Given]) -> Given:
        """Makes the call in what is left after the wait. Raises DeadlineExceededError."""
        if self._seconds is None or self._waited < LEAST_WAIT_SECONDS:
            return await call
        try:
            async with asyncio.timeout(self._seconds - self._waited):
                return await call
        except TimeoutError:
            raise DeadlineExceededError(
                f"No answer from {self._model} within {self._seconds:g} s; it took "
                f"{self._waited:.1f} s of them until a place was free."
            ) from None

    async def first_in_time(
        self, events: AsyncGenerator[ReplyEvent, None]
    ) -> AsyncGenerator[ReplyEvent, None]:
        """``events``, of which the first comes as :meth:`in_turn` allows."""
        first = await self.in_turn(anext(events, None))
        if first is not None:
            yield first
            async for event in events:
                yield event


def paused(seconds: float) -> RateLimitedError:
    """What a hasty call is told."""
    return RateLimitedError(
        f"The provider has asked not to be called for {seconds:.1f} s.", retry_after=seconds
    )
