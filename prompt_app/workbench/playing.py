"""Several calls at once whose replies are watched as they come: one thread with an event loop of
its own, which ends with its calls."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Reply,
    ReplyDelta,
)
from prompt_app.datamodel.prompt import Message, PromptTemplate
from prompt_app.datamodel.serving import UsageRecord
from prompt_app.engine.item import new_reply_id
from prompt_app.errors import MalformedReplyError, PromptAppError
from prompt_app.interfaces import Provider, Store, StoredReply
from prompt_app.providers import connect, connection_key
from prompt_app.providers.caching import cache_key
from prompt_app.providers.prices import cost_usd, price_of
from prompt_app.providers.retrying import Retrying
from prompt_app.settings import Settings

CallStatus = Literal["waiting", "answering", "done", "failed", "cancelled"]
DEADLINE_SECONDS = 180.0
"""Of each call, from its start to its last piece."""
PIECE_SECONDS = 60.0
ATTEMPTS = 3

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A prompt, rendered, for one model."""

    title: str
    template: PromptTemplate
    model: ModelSpec
    parameters: InferenceParameters
    messages: tuple[Message, ...]

    @property
    def request(self) -> GenerationRequest:
        return GenerationRequest(
            model=self.model, messages=self.messages, parameters=self.parameters
        )


@dataclass(frozen=True, slots=True)
class CallState:
    """Where one call stands; another object after every change."""

    status: CallStatus = "waiting"
    text: str = ""
    """Of the first response, as far as it has come."""
    reply: Reply | None = None
    seconds: float = 0.0
    first_seconds: float | None = None
    """Until the first piece."""
    cost_usd: float | None = None
    """None while it is open, and where the price is unknown."""
    error: str = ""


class Playing:
    """The calls of one press on a button. ``states`` is read by whoever shows them."""

    def __init__(
        self, calls: Sequence[PlannedCall], store: Store, settings: Settings, person: str
    ) -> None:
        """Starts all calls at once. A whole reply is stored as a run's is, so that an evaluation
        that asks the same is answered from it; what it took stands among the usage of
        ``person``, an id."""
        self.calls = tuple(calls)
        self.states = [CallState() for _ in calls]
        self._store = store
        self._settings = settings
        self._person = person
        self._connections: dict[str, Provider] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_cancelled = False
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="playground", daemon=True).start()

    @property
    def is_active(self) -> bool:
        return not self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether all calls have ended within ``seconds``."""
        return self._ended.wait(seconds)

    def cancel(self) -> None:
        """End what is under way; the text that has come stays."""
        self._is_cancelled = True
        if self._loop is not None and self.is_active:
            self._loop.call_soon_threadsafe(self._cancel_tasks)

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _run(self) -> None:
        try:
            asyncio.run(self._call_all())
        finally:
            self._ended.set()

    async def _call_all(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._call(at)) for at in range(len(self.calls))]
        if self._is_cancelled:  # before there were tasks
            self._cancel_tasks()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections.values():
            await connection.close()

    async def _call(self, at: int) -> None:
        call = self.calls[at]
        started = time.monotonic()

        def change(**changes: Any) -> None:
            seconds = time.monotonic() - started
            self.states[at] = replace(self.states[at], seconds=seconds, **changes)

        try:
            change(status="answering")
            async with asyncio.timeout(DEADLINE_SECONDS):
                async with aclosing(
                    self._provider(call).stream(call.request, PIECE_SECONDS)
                ) as events:
                    async for event in events:
                        if isinstance(event, Reply):
                            await self._keep(call, event, change)
                        elif event.index == 0:
                            self._append(at, event, change)
            if self.states[at].reply is None:
                raise MalformedReplyError("The stream ended without a whole reply.")
        except asyncio.CancelledError:
            change(status="cancelled", error="Cancelled. What had begun may be billed.")
        except TimeoutError:
            change(status="failed", error=f"No whole reply within {DEADLINE_SECONDS:.0f} s.")
        except PromptAppError as error:
            change(status="failed", error=str(error))
        except Exception:
            _logger.exception("A call of the playground failed.")
            change(status="failed", error="Something went wrong. The server's log says what.")

    def _append(self, at: int, piece: ReplyDelta, change: Any) -> None:
        state = self.states[at]
        change(text=state.text + piece.text)
        if state.first_seconds is None:
            change(first_seconds=self.states[at].seconds)

    async def _keep(self, call: PlannedCall, reply: Reply, change: Any) -> None:
        price = price_of(call.model)
        cost = None if price is None else cost_usd(price, reply.usage)
        change(status="done", reply=reply, text=reply.text, cost_usd=cost)
        stored = StoredReply(new_reply_id(), cache_key(call.request), reply, cost or 0.0)
        usage = UsageRecord(
            id=stored.id,
            at=datetime.now(UTC),
            token="",
            person=self._person,
            route="playground",
            model=call.model.reference,
            target=call.model.reference,
            input_tokens=reply.usage.input,
            output_tokens=reply.usage.output,
            cost_usd=cost or 0.0,
            latency_ms=reply.latency_seconds * 1000,
            streamed=True,
        )
        await asyncio.to_thread(self._store.write_usage, [usage], [stored])

    def _provider(self, call: PlannedCall) -> Provider:
        key = connection_key(call.model)
        if key not in self._connections:
            self._connections[key] = Retrying(connect(call.model, self._settings), ATTEMPTS)
        return self._connections[key]
