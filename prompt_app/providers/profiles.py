"""One model behind several inference profiles, each with quotas of its own: every call goes where
a place is free first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Reply, ReplyEvent
from prompt_app.errors import RateLimitedError
from prompt_app.interfaces import Provider
from prompt_app.providers.limiting import AdaptiveLimiter, reserved_tokens, taught
from prompt_app.providers.options import ProviderOptions, read_options
from prompt_app.providers.pacing import Slot
from prompt_app.providers.patience import ENDLESS, SHORT_PAUSE_SECONDS, CallTime, Patience, paused

Cap = Annotated[float, Field(gt=0)]


class Profile(Record):
    """An inference profile (or model id) of Bedrock; its name alone will do."""

    name: str
    region: str | None = None
    """Where it is called; the model's region when absent."""
    requests_per_minute: Cap | None = None
    """The account's quotas. Where Service Quotas may be read, they need not be given."""
    tokens_per_minute: Cap | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data


class BedrockOptions(ProviderOptions):
    """Options of Bedrock's models."""

    profiles: tuple[Profile, ...] = ()
    """Calls are spread over these in place of the model's own name."""


def profiles_of(model: ModelSpec) -> tuple[Profile, ...]:
    """Those that the calls to ``model`` are spread over; none where it is called by its name.
    Raises EvaluationError for wrong options."""
    if model.provider != "bedrock" or not model.options.get("profiles"):
        return ()
    return read_options(model, BedrockOptions).profiles


def model_at(profile: Profile, model: ModelSpec) -> ModelSpec:
    """``model`` as it is called through ``profile``."""
    region = profile.region or model.region
    changes: dict[str, Any] = {"name": profile.name, "region": region, "options": {}}
    return model.model_copy(update=changes)


@dataclass(frozen=True, slots=True)
class Route:
    """A profile with its connection, and what holds its quotas."""

    model: ModelSpec
    provider: Provider
    limiter: AdaptiveLimiter


class Spread:
    """A provider over ``routes``. ``whole`` holds the limits of all of them together; what each
    profile takes beyond that is learned for it alone."""

    def __init__(
        self, routes: Sequence[Route], whole: AdaptiveLimiter, patience: Patience = ENDLESS
    ) -> None:
        self._routes = routes
        self._whole = whole
        self._patience = patience

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """``timeout`` begins when the call's turn has come, or as ``patience`` says."""
        call_time = self._patience.call_time(request, timeout)
        async with self._turn(request, call_time) as (route, answered):
            call = route.provider.generate(_through(route, request), timeout)
            reply = await call_time.in_turn(call)
            answered.append(reply.usage.total)
            return reply

    async def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The places are held until the stream ends."""
        call_time = self._patience.call_time(request, timeout)
        async with (
            self._turn(request, call_time) as (route, answered),
            aclosing(route.provider.stream(_through(route, request), timeout)) as events,
        ):
            async for event in call_time.first_in_time(events):
                if isinstance(event, Reply):
                    answered.append(event.usage.total)
                yield event

    async def close(self) -> None:
        for route in self._routes:
            await route.provider.close()

    @asynccontextmanager
    async def _turn(
        self, request: GenerationRequest, call_time: CallTime
    ) -> AsyncGenerator[tuple[Route, list[int]], None]:
        """Holds a place of all and one of a profile; the list takes the tokens of the answer."""
        tokens = reserved_tokens(request)
        answered: list[int] = []
        own = await call_time.in_line(self._whole.acquire(tokens))
        try:
            route, slot = await call_time.in_line(self._first_free(tokens))
            try:
                async with taught(route.limiter, slot, answered):
                    yield route, answered
            except RateLimitedError as error:
                # Another profile may have room sooner than this one.
                error.retry_after = min(each.limiter.wait_seconds for each in self._routes)
                raise
            self._whole.succeeded()
        finally:
            self._whole.release(own, answered[0] if answered else 0)

    async def _first_free(self, tokens: int) -> tuple[Route, Slot]:
        """Waits in the line of every profile, and leaves the others when one has a place. Of
        several that have one at once, that with the fewest calls in flight."""
        free = [route for route in self._routes if route.limiter.is_free]
        if free:
            route = min(free, key=lambda each: each.limiter.in_flight)
            return route, await route.limiter.acquire(tokens)
        pause = min(route.limiter.pause_seconds for route in self._routes)
        if self._patience.hasty and pause > SHORT_PAUSE_SECONDS:
            raise paused(pause)
        waiting = {
            asyncio.ensure_future(route.limiter.acquire(tokens)): route for route in self._routes
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            chosen = next(each for each in waiting if each.done())
            return waiting.pop(chosen), chosen.result()
        finally:
            for other, route in waiting.items():
                if other.done() and not other.cancelled() and other.exception() is None:
                    route.limiter.release(other.result(), used_tokens=0)
                other.cancel()


def _through(route: Route, request: GenerationRequest) -> GenerationRequest:
    return request.model_copy(update={"model": route.model})
