"""Waiting for what takes a provider minutes or hours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from prompt_app.engine.halting import Halt
from prompt_app.errors import TransientError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

FIRST_LOOK_SECONDS = 2.0
LONGEST_LOOK_SECONDS = 60.0


class Patience:
    """Ends with ``halt``."""

    def __init__(self, halt: Halt) -> None:
        self._halt = halt

    async def call(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Again and again while the provider cannot be reached or is overloaded."""
        wait = FIRST_LOOK_SECONDS
        while True:
            try:
                return await call()
            except TransientError as error:
                if self._halt:
                    raise
                logger.warning("the provider's batch jobs: %s", error)
                await self.pause(wait)
                wait = longer(wait)

    async def pause(self, seconds: float, is_over: Callable[[], bool] | None = None) -> None:
        """Shorter when the run is halted, or when ``is_over`` in place of that."""
        is_over = is_over or (lambda: bool(self._halt))
        slice_seconds = min(0.25, seconds)
        for _ in range(round(seconds / slice_seconds)):
            if is_over():
                return
            await asyncio.sleep(slice_seconds)


def longer(wait: float) -> float:
    """The next wait, in seconds."""
    return min(1.5 * wait, LONGEST_LOOK_SECONDS)
