"""In which order those that may answer a call are tried, and how long each is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from prompt_app.datamodel.evaluation import Limits
from prompt_app.datamodel.model import ModelSpec
from prompt_app.engine.callers import Callers
from prompt_app.errors import PermissionDeniedError, ProviderError, RateLimitedError
from prompt_app.providers.patience import SHORT_PAUSE_SECONDS, Patience
from prompt_app.providers.prices import price_of
from prompt_app.providers.retrying import Waits
from prompt_app.workbench.serving.admission import Caller
from prompt_app.workbench.serving.asking import Asked, Candidate, Target


def make_target(callers: Callers, model: ModelSpec, name: str, limits: Limits) -> Target:
    """``name`` is what the client calls it."""
    timeout = limits.timeout_seconds
    patient = callers.stack(
        model,
        limits,
        waits=Waits(rate_limited=timeout, total=timeout),
        patience=Patience(within_timeout=True),
    )
    hasty = callers.stack(
        model,
        limits,
        waits=Waits(rate_limited=min(timeout, SHORT_PAUSE_SECONDS), total=timeout),
        patience=Patience(within_timeout=True, hasty=True),
    )
    names = tuple(dict.fromkeys((name, model.reference, model.name)))
    limiter = callers.limiter(model, limits)
    return Target(model, patient, hasty, price_of(model), timeout, names, limiter)


class Tries:
    """The candidates of one call, each hasty while there are others: whose provider asks for a
    pause is put off until nobody else has answered, and only then waited for."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        hasty = len(candidates) > 1
        self._left = deque(replace(candidate, hasty=hasty) for candidate in candidates)

    def next(self) -> Candidate:
        """What came of it is to be told by :meth:`failed`, unless it answered."""
        return self._left.popleft()

    def failed(self, candidate: Candidate, error: ProviderError) -> None:
        """Raises ``error`` where nobody is left to try."""
        if candidate.hasty and isinstance(error, RateLimitedError):
            pause = error.retry_after or 0.0
            if pause <= candidate.target.timeout:  # for a longer one nobody waits anyway
                self._left.append(replace(candidate, hasty=False))
        if not self._left:
            raise error


def check_allowed(caller: Caller, candidate: Candidate, asked: Asked) -> None:
    """Both a prompt and the model that the client chose for it must be allowed. Raises
    PermissionDeniedError."""
    target = candidate.target
    allowed = caller.may_call(*candidate.names)
    if allowed and asked.prompt_model and candidate.prompt is not None:
        allowed = caller.may_call(asked.prompt_model, *target.names)
    if not allowed:
        raise PermissionDeniedError(
            f"This token may not call {asked.model!r}; it may call "
            f"{', '.join(caller.token.models) if caller.token else ''}."
        )
