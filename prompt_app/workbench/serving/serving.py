"""One model call for a client: name, limits, stored replies, routing, the call itself, books."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from prompt_app.datamodel.embedding import EmbeddingRequest, ModelRequest
from prompt_app.datamodel.model import (
    GenerationRequest,
    Reply,
    ReplyDelta,
    ReplyEvent,
)
from prompt_app.engine.attention import Attention
from prompt_app.engine.item import new_reply_id
from prompt_app.errors import (
    ProviderError,
    RequestRefusedError,
    StoreError,
)
from prompt_app.interfaces import Store, StoredReply
from prompt_app.providers.caching import cache_key
from prompt_app.providers.rich import refuse_where_unknown
from prompt_app.settings import Settings
from prompt_app.workbench.serving.accounts import Account, served_from
from prompt_app.workbench.serving.admission import Admission, Caller
from prompt_app.workbench.serving.alerting import SpendWatch
from prompt_app.workbench.serving.asking import Asked, Candidate, Served
from prompt_app.workbench.serving.books import Books
from prompt_app.workbench.serving.cache import Hit, ReplyCache
from prompt_app.workbench.serving.flights import Events, Flight, Flights
from prompt_app.workbench.serving.names import Names, messages_for
from prompt_app.workbench.serving.routing import Tries, check_allowed

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How long another process's change may go unnoticed."""
LEAST_LOOK_SECONDS = 0.05
"""Between two looks that callers ask for: strangers can make up tokens."""
COUNT_SPEND_EVERY = 20
FORGET_EVERY = 600
"""Looks between two of them."""
FORGET_ASLEEP_EVERY = 172_800
"""As many, a day of them, while nothing else is looked for."""


class Serving:
    """Lives on one event loop, from :meth:`start` to :meth:`close`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.admission = Admission(store)
        self.names = Names(settings, store)
        self.books = Books(store, self.admission)
        self._spend = SpendWatch(store, settings)
        self._cache = ReplyCache(store)
        self._flights = Flights()
        self._watch: asyncio.Task[None] | None = None
        self._attention = Attention(settings.idle_seconds)
        self._looking = asyncio.Lock()
        self._revision = -1
        self._looked_at = 0.0

    async def start(self) -> None:
        """Read what is needed and begin to watch for changes. Raises StoreError."""
        self._revision = await asyncio.to_thread(self.store.serving_revision)
        await self.admission.load()
        self.names.forget()
        self.books.start()
        self._watch = asyncio.create_task(self._watch_changes())

    async def attend(self) -> None:
        """Before a call: take note of what was changed while nobody looked. Raises StoreError."""
        if not self._attention.is_awake:
            async with self._looking:
                if not self._attention.is_awake:
                    await self._take_changes()
                    await self.admission.count_spend()
                    self._attention.wake()
        self._attention.wake()

    async def look_now(self) -> None:
        """Take note of what other processes have changed by now; many who ask at once share a
        look. Raises StoreError."""
        asked_at = time.monotonic()
        async with self._looking:
            if self._looked_at < asked_at:
                await asyncio.sleep(self._looked_at + LEAST_LOOK_SECONDS - asked_at)
                self._looked_at = time.monotonic()
                await self._take_changes()

    async def close(self) -> None:
        """Store what is not stored yet and release connections. Safe to call twice."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self.books.close()
        await self.names.close()

    async def answer(self, asked: Asked, caller: Caller) -> Served:
        """The whole reply. Raises InputError, PermissionDeniedError, LimitReachedError,
        ProviderError or StoreError."""
        tries = Tries(await self._candidates(asked, caller))
        while True:
            candidate = tries.next()
            try:
                return await self._answer(candidate, asked, caller)
            except ProviderError as error:
                tries.failed(candidate, error)

    async def stream(
        self, asked: Asked, caller: Caller
    ) -> AsyncGenerator[ReplyDelta | Served, None]:
        """The pieces, then the whole. Another candidate is tried only before the first piece.
        Raises as :meth:`answer`."""
        tries = Tries(await self._candidates(asked, caller))
        while True:
            candidate = tries.next()
            begun = False
            try:
                async with aclosing(self._stream(candidate, asked, caller)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except ProviderError as error:
                if begun:
                    raise
                tries.failed(candidate, error)

    async def find(self, asked: Asked, caller: Caller) -> Served | None:
        """The stored reply, if there is one; the model is not called."""
        for candidate in await self._candidates(asked, caller):
            _, key = _request(candidate, asked)
            hit = await self._hit(key, asked)
            if hit is not None:
                return served_from(hit, candidate, asked)
        return None

    async def _candidates(self, asked: Asked, caller: Caller) -> list[Candidate]:
        candidates = await self.names.candidates(asked, caller.reach)
        if self.books.is_full:
            await self.books.room(candidates[0].target.timeout)
        if caller.token is not None and caller.token.models:
            for candidate in candidates:
                check_allowed(caller, candidate, asked)
        return candidates

    async def _answer(self, candidate: Candidate, asked: Asked, caller: Caller) -> Served:
        request, key = _request(candidate, asked)
        hit = await self._hit(key, asked)
        if hit is not None:
            return served_from(hit, candidate, asked)
        provider, timeout = candidate.provider, candidate.target.timeout

        async def call() -> AsyncGenerator[ReplyEvent, None]:
            if isinstance(request, EmbeddingRequest):
                yield (await provider.embed(request, timeout)).as_reply()
            else:
                yield await provider.generate(request, timeout)

        with Account(caller, candidate, asked, request) as account:
            flight = account.flight = self._join(account, key, call)
            account.reply = reply = await flight.reply()
        return self._landed(account, key, reply)

    async def _stream(
        self, candidate: Candidate, asked: Asked, caller: Caller
    ) -> AsyncGenerator[ReplyDelta | Served, None]:
        request, key = _request(candidate, asked)
        hit = await self._hit(key, asked)
        if hit is not None:
            served = served_from(hit, candidate, asked)
            for index, output in enumerate(hit.reply.outputs):
                yield ReplyDelta(output.text, index)
            yield served
            return
        assert isinstance(request, GenerationRequest)
        provider, timeout = candidate.provider, candidate.target.timeout
        with Account(caller, candidate, asked, request) as account:
            flight = account.flight = self._join(
                account, key, lambda: provider.stream(request, timeout)
            )
            async with aclosing(flight.events()) as events:
                async for event in events:
                    if isinstance(event, Reply):
                        account.reply = event
                    else:
                        account.characters += len(event.text)
                        yield event
        assert account.reply is not None
        yield self._landed(account, key, account.reply)

    def _join(self, account: Account, key: str, start: Callable[[], Events]) -> Flight:
        """A call that uses stored replies shares one that is under way. Raises
        RateLimitedError."""
        account.candidate.target.check_turn()
        cache = account.asked.cache
        if not (cache.read and cache.write):
            account.pays = True
            return Flight(start())
        # A hasty call may fail where a patient one waits: neither stands for the other.
        flight = self._flights.join(f"{key} {account.candidate.hasty}", start)
        # Whoever asked first pays; where they leave before the others, one of those does.
        account.pays, flight.has_payer = not flight.has_payer, True
        if not account.pays:
            account.asked.spent.cached, account.asked.spent.age = True, 0.0
        return flight

    def _landed(self, account: Account, key: str, reply: Reply) -> Served:
        asked, cost = account.asked, account.asked.spent.cost_usd
        if account.pays and asked.cache.write and self.settings.gateway_cache_seconds != 0:
            self._cache.add(key, reply, cost)
            self.books.keep(StoredReply(new_reply_id(), key, reply, cost))
        return Served(reply, account.candidate)

    async def _hit(self, key: str, asked: Asked) -> Hit | None:
        longest = self.settings.gateway_cache_seconds
        if not asked.cache.read or longest == 0 or asked.cache.max_age == 0:
            return None
        hit = self._cache.hot(key) or await self._cache.find(key)
        if hit is None:
            return None
        for most in (longest, asked.cache.max_age):
            if most is not None and hit.age() > most:
                return None
        return hit

    def _forget_bodies(self) -> None:
        """Keep no body for longer than the settings say; none where they say none."""
        days = timedelta(days=self.settings.gateway_body_days)
        self.store.forget_bodies(datetime.now(UTC) - days)

    async def _take_changes(self) -> None:
        now = await asyncio.to_thread(self.store.serving_revision)
        if now != self._revision:
            await self.admission.load()
            self.names.forget()
            self._revision = now

    async def _watch_changes(self) -> None:
        """Take note of what other processes change, while there are calls."""
        looks = skipped = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._attention.is_awake:
                skipped += 1
                if not self.settings.gateway_body_days or skipped % FORGET_ASLEEP_EVERY:
                    continue
                looks = 0
            self._attention.begin_look()
            try:
                async with self._looking:
                    await self._take_changes()
                if looks % FORGET_EVERY == 0:
                    await asyncio.to_thread(self._forget_bodies)
                looks += 1
                if looks % COUNT_SPEND_EVERY == 0:
                    await self.admission.count_spend()
                if self.books.has_cost:
                    self.books.has_cost = False
                    await self._spend.look()
            except StoreError as error:
                logger.warning("the gateway could not look for changes: %s", error)


def _request(candidate: Candidate, asked: Asked) -> tuple[ModelRequest, str]:
    if asked.texts:
        embedding = EmbeddingRequest(
            model=candidate.target.model, texts=asked.texts, dimensions=asked.dimensions
        )
        return embedding, cache_key(embedding)
    messages = messages_for(candidate, asked)
    if not messages:
        raise RequestRefusedError("There is no message to answer.", status=400)
    # Its parts are valid already.
    request = GenerationRequest.model_construct(
        model=candidate.target.model, messages=messages, parameters=asked.parameters
    )
    refuse_where_unknown(request)
    return request, cache_key(request)
