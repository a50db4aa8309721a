"""One sample: render the prompt, look for a stored reply, call the model, hand the outcome to
the writer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest, ModelRequest
from prompt_app.datamodel.evaluation import RunSpec
from prompt_app.datamodel.model import GenerationRequest, Price, Reply
from prompt_app.datamodel.rendering import render_messages
from prompt_app.engine.budget import Budget, nanousd
from prompt_app.engine.plan import WorkItem
from prompt_app.engine.writer import Entry, GroupWriter
from prompt_app.errors import ProviderError, RunBlockingError, UnsupportedParameterError
from prompt_app.interfaces import Lease, Provider, SampleResult, Store, StoredReply
from prompt_app.providers.caching import cache_key
from prompt_app.providers.embedding import embed
from prompt_app.providers.prices import cost_usd


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A work item with its request, and the stored reply that answers it, if there is one."""

    item: WorkItem
    request: GenerationRequest
    cache_key: str
    stored: StoredReply | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one model within its limits and the budget. ``provider`` is the whole stack:
    retrying around limiting around the connection."""

    provider: Provider
    price: Price | None
    max_tokens: int | None
    """The longest reply in tokens, where it is known; the spend cap needs it."""
    timeout: float
    budget: Budget

    async def call(self, lease: Lease, request: ModelRequest) -> tuple[Reply, float, int]:
        """The reply, its cost in US dollars, and the reservation to give back with it.

        Raises CallFailed, whose reservation must be given back likewise.
        """
        reserved = await self.budget.reserve(lease, request, self.price, self.max_tokens)
        try:
            reply = await self.send(request)
        except ProviderError as error:
            paid = sum(
                self.cost_of(each.as_reply() if isinstance(each, EmbeddingReply) else each)
                for each in error.answered
                if isinstance(each, Reply | EmbeddingReply)
            )
            raise CallFailed(error, reserved, paid) from error
        return reply, self.cost_of(reply), reserved

    async def send(self, request: ModelRequest) -> Reply:
        """Past the budget. Vectors come in the form in which replies are stored."""
        if isinstance(request, EmbeddingRequest):
            return (await embed(self.provider, request, self.timeout)).as_reply()
        return await self.provider.generate(request, self.timeout)

    def cost_of(self, reply: Reply) -> float:
        """US dollars; 0 where the price is unknown."""
        if self.price is None:
            return reply.cost_usd or 0.0
        return cost_usd(self.price, reply.usage)


class CallFailed(Exception):
    """A call that ended without a reply: its error, the reservation to give back, and what was
    paid for parts of it that were answered."""

    def __init__(self, error: ProviderError, reserved_nanousd: int, cost_usd: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.reserved_nanousd = reserved_nanousd
        self.cost_usd = cost_usd

    def entry(self) -> Entry:
        """What settles it."""
        return Entry(released_nanousd=self.reserved_nanousd, spent_nanousd=nanousd(self.cost_usd))


def new_reply_id() -> str:
    """Unique, and roughly in order of time so that the index grows at its end."""
    return f"{time.time_ns():016x}{secrets.token_hex(6)}"


def build_request(spec: RunSpec, example: Example) -> GenerationRequest:
    """Raises TemplateError where the example lacks a field."""
    return GenerationRequest(
        model=spec.model,
        messages=render_messages(spec.prompt, example.fields),
        parameters=spec.parameters,
    )


def reply_key(spec: RunSpec, run_id: str, request: GenerationRequest) -> str:
    """Under which a reply is stored. A run that does not share replies keeps them under keys of
    its own, for nothing but its own resumption."""
    key = cache_key(request)
    return key if spec.cache != "off" else f"{run_id}:{key}"


async def run_item(
    prepared: PreparedCall, caller: Caller, lease: Lease, writer: GroupWriter
) -> tuple[SampleResult, Reply | None, Entry]:
    """The sample's result and reply, and the entry that stores them (not yet handed over).

    A failure that concerns this sample alone is a result too. One that concerns the whole run
    (credentials, quota, budget, a parameter that the model does not take) is raised.
    """
    item = prepared.item
    if prepared.stored is not None:
        hit = SampleResult(
            key=item.key, position=item.example.position, reply_id=prepared.stored.id, cached=True
        )
        return hit, prepared.stored.reply, Entry(result=hit)
    try:
        reply, _, reserved = await caller.call(lease, prepared.request)
    except CallFailed as failure:
        entry = failure.entry()
        _settle_when_stored(entry, caller.budget)
        if isinstance(failure.error, RunBlockingError | UnsupportedParameterError):
            writer.put(entry)
            raise failure.error from None
        entry.result = SampleResult(
            key=item.key,
            position=item.example.position,
            reply_id=None,
            cost_usd=failure.cost_usd,
            attempts=getattr(failure.error, "attempts", 1),
            error_kind=failure.error.kind,
            error_message=str(failure.error),
        )
        return entry.result, None, entry
    result, entry = answered_entry(prepared, caller, reply, reserved)
    _settle_when_stored(entry, caller.budget)
    return result, reply, entry


def answered_entry(
    prepared: PreparedCall, caller: Caller, reply: Reply, reserved: int
) -> tuple[SampleResult, Entry]:
    """The result of an answered call, and what stores it and gives ``reserved`` back."""
    item, cost = prepared.item, caller.cost_of(reply)
    stored = StoredReply(
        id=new_reply_id(), cache_key=prepared.cache_key, reply=reply, cost_usd=cost
    )
    result = SampleResult(
        key=item.key, position=item.example.position, reply_id=stored.id, cost_usd=cost
    )
    entry = Entry(
        reply=stored, result=result, released_nanousd=reserved, spent_nanousd=nanousd(cost)
    )
    return result, entry


def _settle_when_stored(entry: Entry, budget: Budget) -> None:
    if entry.released_nanousd:
        entry.stored.append(lambda: budget.settled(entry.released_nanousd))


def prepare_calls(
    spec: RunSpec, run_id: str, items: Sequence[WorkItem], store: Store
) -> list[PreparedCall]:
    """Render a page of items, and take stored replies for first repeats where sharing is on.
    Further repeats are never answered from stored replies: they are there to show the spread."""
    requests = [build_request(spec, item.example) for item in items]
    keys = [reply_key(spec, run_id, request) for request in requests]
    shareable = {
        key
        for key, item in zip(keys, items, strict=True)
        if spec.cache == "use" and item.key.repeat == 0
    }
    replies = store.find_replies(sorted(shareable)) if shareable else {}
    return [
        PreparedCall(item, request, key, replies.get(key) if item.key.repeat == 0 else None)
        for item, request, key in zip(items, requests, keys, strict=True)
    ]
