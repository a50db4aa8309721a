"""Writes usage and replies in groups, behind the calls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict

from prompt_app.datamodel.serving import UsageRecord
from prompt_app.errors import StoreError, StoreUnavailableError
from prompt_app.interfaces import Store, StoredReply
from prompt_app.workbench.serving.admission import Admission

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
LARGEST_BATCH = 5_000
MOST_WAITING = 20_000
"""Records kept in memory while the database is behind; above it calls wait."""
MOST_CHARACTERS = 50_000_000
"""Of bodies and replies, likewise."""
FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 2.0


class Books:
    """The only writer of a gateway's usage."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self._store = store
        self._admission = admission
        self._records: list[UsageRecord] = []
        self._replies: list[StoredReply] = []
        self._characters = 0
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self.has_cost = True
        """Whether a call that cost something was stored since somebody turned it off."""
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no further call should begin."""
        return len(self._records) >= MOST_WAITING or self._characters >= MOST_CHARACTERS

    async def room(self, seconds: float) -> None:
        """Until a call can be recorded. Raises StoreUnavailableError after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while self.is_full:
                    self._written.clear()
                    await self._written.wait()
        except TimeoutError:
            raise StoreUnavailableError(
                f"The database has taken no records for {seconds:g} s; no call is made without "
                "one. Try again later."
            ) from None

    def record(self, record: UsageRecord) -> None:
        self._records.append(record)
        self._characters += len(record.body or "")
        self._wake.set()

    def keep(self, reply: StoredReply) -> None:
        self._replies.append(reply)
        self._characters += _length(reply)
        self._wake.set()

    async def flush(self) -> None:
        """Until everything that has been recorded is stored."""
        while self._records or self._replies:
            await self._write_group()

    async def close(self) -> None:
        """Store what is left. Safe to call twice."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while not self._closing:
            await self._wake.wait()
            if not self._closing and len(self._records) < LARGEST_BATCH:
                # Lets a group gather, and does not write while this client's next call comes in.
                await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            await self._write_group()
            if self._records or self._replies:
                self._wake.set()
        await self.flush()

    async def _write_group(self) -> None:
        wait, size = FIRST_RETRY_SECONDS, LARGEST_BATCH
        while True:
            async with self._admission.counting:
                records, replies = self._records[:size], self._replies[:size]
                try:
                    await asyncio.to_thread(self._store.write_usage, records, replies)
                except StoreError as error:
                    logger.warning("%d usage records wait in memory: %s", len(records), error)
                except Exception:
                    # One that no database takes must not keep all others back.
                    size = max(len(records), len(replies)) // 2
                    if size:
                        continue
                    logger.exception("a usage record or reply could not be stored")
                    self._stored(records, replies)
                    return
                else:
                    self._stored(records, replies)
                    return
            if self._closing:
                logger.error("%d usage records could not be stored.", len(self._records))
                self._records.clear()
                self._replies.clear()
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_RETRY_SECONDS)

    def _stored(self, records: list[UsageRecord], replies: list[StoredReply]) -> None:
        del self._records[: len(records)]
        del self._replies[: len(replies)]
        self._characters -= sum(len(record.body) for record in records if record.body)
        self._characters -= sum(map(_length, replies))
        spent = _spent(records)
        self._admission.written(spent)
        self.has_cost = self.has_cost or bool(spent)
        self._written.set()


def _spent(records: list[UsageRecord]) -> dict[str, float]:
    spent: dict[str, float] = defaultdict(float)
    for record in records:
        if record.cost_usd:
            spent[record.token] += record.cost_usd
    return spent


def _length(stored: StoredReply) -> int:
    return sum(len(output.text) for output in stored.reply.outputs)
