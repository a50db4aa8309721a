"""How a pipeline's prompt steps reach their models: by the engine's own callers, so that they are
limited and retried like every other call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from prompt_app.datamodel.evaluation import Limits
from prompt_app.datamodel.model import GenerationRequest
from prompt_app.engine.budget import Budget
from prompt_app.engine.callers import Callers
from prompt_app.engine.item import new_reply_id
from prompt_app.interfaces import Store, StoredReply
from prompt_app.interfaces.pipelines import StepReply
from prompt_app.providers.caching import cache_key
from prompt_app.providers.prices import cost_usd
from prompt_app.settings import Settings

CacheUse = Literal["use", "refresh", "off"]


class StepCaller:
    """For one event loop. ``cache``: take stored replies and keep new ones (``use``), keep only
    (``refresh``), or neither (``off``)."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        cache: CacheUse,
        limits: Limits | None = None,
        on_retry: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._cache = cache
        self._callers = Callers(settings)
        self._limits = limits or Limits()
        self._budget = Budget(store, capped=False)
        self._turns: dict[str, asyncio.Lock] = {}
        self._on_retry = on_retry or (lambda kind: None)

    async def __call__(self, request: GenerationRequest) -> StepReply:
        """Raises a ProviderError."""
        key = cache_key(request)
        if self._cache != "use":
            return await self._called(request, key)
        async with self._turns.setdefault(key, asyncio.Lock()):  # equal steps make one call
            found = (await asyncio.to_thread(self._store.find_replies, [key])).get(key)
            if found is not None:
                return StepReply(found.reply, cached=True)
            return await self._called(request, key)

    async def _called(self, request: GenerationRequest, key: str) -> StepReply:
        caller = self._callers.caller(
            request.model, request.parameters, self._limits, self._budget, self._on_retry
        )
        reply = await caller.provider.generate(request, caller.timeout)
        cost = None if caller.price is None else cost_usd(caller.price, reply.usage)
        if self._cache != "off":
            stored = StoredReply(
                id=new_reply_id(), cache_key=key, reply=reply, cost_usd=cost or 0.0
            )
            await asyncio.to_thread(self._store.save_reply, stored)
        return StepReply(reply, cost)

    async def close(self) -> None:
        await self._callers.close()
