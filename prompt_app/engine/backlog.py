"""Samples on their way between the call and the stored scores; and patience with the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from prompt_app.errors import StoreUnavailableError

logger = logging.getLogger(__name__)

STORE_RETRY_SECONDS = 0.5

Result = TypeVar("Result")


class Backlog:
    """Counts samples between their call and their stored scores, and bounds them: memory does
    not grow with the run, and a database that stands still stops the calls."""

    def __init__(self, limit: int) -> None:
        self._room = asyncio.Semaphore(limit)
        self._pending = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def enter(self) -> None:
        """Wait for room."""
        await self._room.acquire()
        self._pending += 1
        self._empty.clear()

    def leave(self) -> None:
        """The sample is through, or given back."""
        self._room.release()
        self._pending -= 1
        if self._pending == 0:
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until no sample is on its way."""
        await self._empty.wait()


async def insist(work: Callable[[], Result]) -> Result:
    """Do store work in a thread, again and again while the database is not available."""
    while True:
        try:
            return await asyncio.to_thread(work)
        except StoreUnavailableError as error:
            logger.warning("waiting for the database: %s", error)
            await asyncio.sleep(STORE_RETRY_SECONDS)
