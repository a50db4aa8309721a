"""Stores results in groups: one transaction for all that arrived in the last moment.

A result counts as stored when its transaction is committed. While the database cannot take it
(locked, full, unreachable) it is kept in memory, no new call is started, and the same
transaction is tried again; nothing is dropped as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import (
    Lease,
    SampleResult,
    SampleScores,
    Store,
    StoredReply,
    WriteBatch,
)

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.02
LARGEST_BATCH = 256
FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 2.0
SLOW_SECONDS = 1.0
"""A write that takes longer may never end: the network was cut without a word."""


@dataclass(slots=True)
class Entry:
    """One thing to store; ``stored`` is called once it is committed."""

    reply: StoredReply | None = None
    result: SampleResult | None = None
    scores: SampleScores | None = None
    released_nanousd: int = 0
    spent_nanousd: int = 0
    stored: list[Callable[[], None]] = field(default_factory=list)


class GroupWriter:
    """The only writer of a run's results."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease
        self._queue: asyncio.Queue[Entry | None] = asyncio.Queue()
        self.available = asyncio.Event()
        """Clear while the database does not take writes: start no new call then."""
        self.available.set()

    def put(self, entry: Entry) -> None:
        """Hand over. The run's backlog bounds how much can wait here."""
        self._queue.put_nowait(entry)

    def close(self) -> None:
        """No more entries; :meth:`run` returns once all are stored."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Store until closed. Raises LeaseLostError when another worker has the run."""
        closed = False
        while not closed:
            entries, closed = await self._gather()
            if entries:
                await self._store_entries(entries)

    async def _gather(self) -> tuple[list[Entry], bool]:
        entries: list[Entry] = []
        first = await self._queue.get()
        if first is None:
            return entries, True
        entries.append(first)
        await asyncio.sleep(GATHER_SECONDS)
        while len(entries) < LARGEST_BATCH and not self._queue.empty():
            entry = self._queue.get_nowait()
            if entry is None:
                return entries, True
            entries.append(entry)
        return entries, False

    async def _store_entries(self, entries: list[Entry]) -> None:
        batch = WriteBatch(
            replies=[entry.reply for entry in entries if entry.reply is not None],
            results=[entry.result for entry in entries if entry.result is not None],
            scores=[entry.scores for entry in entries if entry.scores is not None],
            released_nanousd=sum(entry.released_nanousd for entry in entries),
            spent_nanousd=sum(entry.spent_nanousd for entry in entries),
        )
        wait = FIRST_RETRY_SECONDS
        while True:
            slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self.available.clear)
            try:
                await asyncio.to_thread(self._store.write_batch, self._lease, batch)
                break
            except StoreUnavailableError as error:
                self.available.clear()
                logger.warning(
                    "%d results wait in memory, no new calls are made: %s", len(entries), error
                )
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_RETRY_SECONDS)
            finally:
                slow.cancel()
        self.available.set()
        for entry in entries:
            for callback in entry.stored:
                callback()
