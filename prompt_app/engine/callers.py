"""Connections and limiters of one worker process, shared by all of its runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from prompt_app.datamodel.evaluation import Limits, RunSpec
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.engine.budget import Budget
from prompt_app.engine.item import Caller
from prompt_app.interfaces import Provider
from prompt_app.interfaces.batch_jobs import BatchProvider
from prompt_app.providers import connect, connection_key
from prompt_app.providers.batching import connect_batch
from prompt_app.providers.limiting import AdaptiveLimiter, Limited
from prompt_app.providers.patience import ENDLESS, Patience
from prompt_app.providers.prices import price_of
from prompt_app.providers.profiles import Profile, Route, Spread, model_at, profiles_of
from prompt_app.providers.retrying import Retrying, Waits
from prompt_app.settings import Settings

Connect: TypeAlias = Callable[[ModelSpec, Settings], Provider]
"""As :func:`prompt_app.providers.connect`."""

LimiterKey = tuple[str, str, int, float | None, float | None]


class Callers:
    """Makes the stack retrying(limited(connection)) for a model. Runs that call the same model
    under the same limits share a limiter, so that the provider sees one well-behaved client."""

    def __init__(self, settings: Settings, connect: Connect = connect) -> None:
        self._settings = settings
        self._connect = connect
        self._connections: dict[str, Provider] = {}
        self._limiters: dict[LimiterKey, AdaptiveLimiter] = {}

    def caller(
        self,
        model: ModelSpec,
        parameters: InferenceParameters,
        limits: Limits,
        budget: Budget,
        on_retry: Callable[[str], None],
    ) -> Caller:
        """``on_retry`` gets the error kind of every attempt that failed and is tried again."""
        return Caller(
            provider=self.stack(model, limits, on_retry),
            price=price_of(model),
            max_tokens=parameters.max_tokens,
            timeout=limits.timeout_seconds,
            budget=budget,
        )

    def stack(
        self,
        model: ModelSpec,
        limits: Limits,
        on_retry: Callable[[str], None] | None = None,
        waits: Waits | None = None,
        patience: Patience = ENDLESS,
    ) -> Retrying:
        """The provider with everything around it."""
        whole = self.limiter(model, limits)
        routes = [
            Route(each, self._connection(each), self.limiter(each, _own_limits(profile, limits)))
            for profile in profiles_of(model)
            for each in (model_at(profile, model),)
        ]
        limited = (
            Spread(routes, whole, patience)
            if routes
            else Limited(self._connection(model), whole, patience)
        )
        return Retrying(limited, limits.max_attempts, on_retry, waits)

    def batch_provider(self, model: ModelSpec) -> BatchProvider:
        """For the jobs of one run; to be closed with it."""
        return connect_batch(model, self._settings)

    def limiter(self, model: ModelSpec, limits: Limits) -> AdaptiveLimiter:
        """The one that holds for ``model`` under ``limits``."""
        key = limiter_key(model, limits)
        if key not in self._limiters:
            self._limiters[key] = AdaptiveLimiter(
                limits.max_concurrency, limits.requests_per_minute, limits.tokens_per_minute
            )
        return self._limiters[key]

    def limiters(self, model: ModelSpec, limits: Limits) -> dict[LimiterKey, AdaptiveLimiter]:
        """That one, and those of the profiles that the model's calls are spread over."""
        found = {limiter_key(model, limits): self.limiter(model, limits)}
        for profile in profiles_of(model):
            own, at = _own_limits(profile, limits), model_at(profile, model)
            found[limiter_key(at, own)] = self.limiter(at, own)
        return found

    def limiters_of(self, spec: RunSpec) -> dict[LimiterKey, AdaptiveLimiter]:
        """Those of everything that a run calls, judges included."""
        models = [spec.model, *(judge for metric in spec.metrics for judge in metric.panel)]
        found: dict[LimiterKey, AdaptiveLimiter] = {}
        for model in models:
            found |= self.limiters(model, spec.limits)
        return found

    def _connection(self, model: ModelSpec) -> Provider:
        key = connection_key(model)
        if key not in self._connections:
            self._connections[key] = self._connect(model, self._settings)
        return self._connections[key]

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            await connection.close()


def _own_limits(profile: Profile, limits: Limits) -> Limits:
    """The quotas of a profile. How many calls may be in flight is limited for all together."""
    quotas = {
        "requests_per_minute": profile.requests_per_minute,
        "tokens_per_minute": profile.tokens_per_minute,
    }
    return limits.model_copy(update=quotas)


def limiter_key(model: ModelSpec, limits: Limits) -> LimiterKey:
    """Equal for calls that share a limiter."""
    return (
        connection_key(model),
        model.name,
        limits.max_concurrency,
        limits.requests_per_minute,
        limits.tokens_per_minute,
    )
