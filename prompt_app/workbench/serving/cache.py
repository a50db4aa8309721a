"""Stored replies by key: the newest ones in memory, all of them in the store."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from prompt_app.datamodel.model import Reply
from prompt_app.interfaces import Store, StoredReply
from prompt_app.providers.rich import shows_own_body

MOST_ENTRIES = 10_000
MOST_CHARACTERS = 20_000_000
LARGEST_LOOKUP = 200


@dataclass(slots=True)
class Hit:
    """A reply that is there. ``born`` is in seconds since the epoch."""

    reply: Reply
    cost_usd: float
    born: float
    size: int = 0

    def age(self) -> float:
        return max(0.0, time.time() - self.born)


class ReplyCache:
    """Lookups never block the loop: those that come while one is under way are made together by
    the next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hot: OrderedDict[str, Hit] = OrderedDict()
        self._characters = 0
        self._wanted: dict[str, asyncio.Future[Hit | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    def hot(self, key: str) -> Hit | None:
        """A reply that is in memory."""
        hit = self._hot.get(key)
        if hit is not None:
            self._hot.move_to_end(key)
        return hit

    async def find(self, key: str) -> Hit | None:
        """The newest reply, in memory or in the store. Raises StoreUnavailableError."""
        if (hit := self.hot(key)) is not None:
            return hit
        if self._store.surely_no_reply(key):
            return None
        future = self._wanted.get(key)
        if future is None:
            future = self._wanted[key] = asyncio.get_running_loop().create_future()
            if self._looking is None:
                self._looking = asyncio.create_task(self._look_up())
        return await asyncio.shield(future)

    def add(self, key: str, reply: Reply, cost_usd: float, born: float | None = None) -> Hit:
        """Put a reply into memory, without the part of the provider's raw body that no client is
        shown."""
        if reply.raw and not shows_own_body(reply):
            reply = reply.model_copy(update={"raw": {}})
        size = sum(len(output.text) for output in reply.outputs) + 500
        hit = Hit(reply, cost_usd, time.time() if born is None else born, size)
        old = self._hot.pop(key, None)
        self._characters += size - (old.size if old else 0)
        self._hot[key] = hit
        while len(self._hot) > MOST_ENTRIES or self._characters > MOST_CHARACTERS:
            _, gone = self._hot.popitem(last=False)
            self._characters -= gone.size
        return hit

    async def _look_up(self) -> None:
        while self._wanted:
            some = dict(list(self._wanted.items())[:LARGEST_LOOKUP])
            for key in some:
                del self._wanted[key]
            try:
                found = await asyncio.to_thread(self._store.find_replies, list(some))
            except Exception as error:
                for future in some.values():
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # a caller that has left does not ask for it
                continue
            for key, future in some.items():
                stored = found.get(key)
                hit = None if stored is None else self._add_stored(key, stored)
                if not future.done():
                    future.set_result(hit)
        self._looking = None

    def _add_stored(self, key: str, stored: StoredReply) -> Hit:
        born = (stored.created_at or datetime.now(UTC)).timestamp()
        return self.add(key, stored.reply, stored.cost_usd, born)
