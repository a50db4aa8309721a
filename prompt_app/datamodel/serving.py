"""What the gateway keeps: access tokens, usage, aliases, assistants, who changed what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from prompt_app.datamodel.access import LOCAL_PERSON
from prompt_app.datamodel.base import Record
from prompt_app.datamodel.names import Name
from prompt_app.datamodel.project import EVERYTHING, Reach


class Scope(StrEnum):
    """What a token is good for; none includes another."""

    READ = "read"
    """Lists, stored replies, examples: nothing that costs."""
    INVOKE = "invoke"
    """Calls to models, prompts and pipelines."""
    ADMIN = "admin"
    """Metrics of the gateway."""


class TokenLimits(Record):
    """Each holds by itself; absent means none."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    usd_per_day: Annotated[float, Field(gt=0)] | None = None
    """Days and months are those of UTC."""
    usd_per_month: Annotated[float, Field(gt=0)] | None = None


class AccessToken(Record):
    """A token as it is kept: the secret itself is nowhere."""

    id: str
    """The public part, which is also the beginning of what the caller sends."""
    name: str
    owner: str
    """Id of the person on whose behalf it calls."""
    owner_name: str = ""
    owner_email: str = ""
    """That the owner's login verified."""
    sees_everything: bool = False
    """Made by an admin for themselves."""
    project: str | None = None
    """Id of the only project whose things it reaches."""
    scopes: tuple[Scope, ...] = (Scope.READ, Scope.INVOKE)
    limits: TokenLimits = TokenLimits()
    models: tuple[str, ...] = ()
    """Names that may be called, ``*`` standing for anything; empty: every one."""
    created_at: datetime
    created_by: str = ""
    terms_by: str = ""
    """Id of who set its limits, models and end; empty: of who made it."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def reach(self) -> Reach:
        """What its owner sees, as far as the token is for that."""
        if self.sees_everything or Scope.ADMIN in self.scopes or self.owner == LOCAL_PERSON.id:
            return EVERYTHING.within(self.project)
        members = tuple(name for name in (self.owner, self.owner_email) if name)
        return Reach(members, self.project)

    def usable(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired

    def may_call(self, *names: str) -> bool:
        """Whether one of the names that a model goes by is allowed."""
        return not self.models or any(
            fnmatchcase(name, pattern) for pattern in self.models for name in names
        )


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token with what tells whether a secret is its own."""

    token: AccessToken
    secret_hash: bytes
    """SHA-256 of the secret, which has 256 random bits."""


@dataclass(slots=True)
class UsageRecord:
    """One call of the gateway. Times are in UTC, latency in milliseconds."""

    id: str
    at: datetime
    token: str
    """Id; empty for a call from this machine without one."""
    person: str
    route: str
    """What was called, e.g. ``chat.completions``."""
    model: str
    """As the caller named it."""
    target: str = ""
    """The model that answered, ``provider:name``."""
    prompt: str = ""
    prompt_version: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    """What the call would have cost if it had not been answered by a stored reply."""
    latency_ms: float = 0.0
    cached: bool = False
    streamed: bool = False
    status: int = 200
    error_kind: str | None = None
    body: str | None = None
    """JSON with ``request`` and ``response``, where bodies are kept."""


UsageGroup = Literal["day", "person", "token", "model", "prompt"]


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """The sums over the calls that share a day, person, token, model or prompt."""

    key: str
    calls: int
    failed: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    saved_usd: float
    mean_latency_ms: float | None
    unpriced: int = 0
    """Calls whose cost nobody knows: no other sum has it."""

    @property
    def known_cost_usd(self) -> float | None:
        """None where nothing of the cost is known."""
        return None if self.unpriced and not self.cost_usd else self.cost_usd

    @property
    def known_saved_usd(self) -> float | None:
        """Likewise."""
        return None if self.unpriced and self.cached and not self.saved_usd else self.saved_usd


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which calls. All conditions hold together; empty ones hold for every call."""

    since: datetime | None = None
    until: datetime | None = None
    person: str = ""
    token: str = ""
    model: str = ""
    prompt: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what."""

    at: datetime
    person: str
    person_name: str
    action: str
    """E.g. ``token.create``."""
    target: str
    details: str = ""


class RouteTarget(Record):
    """One of the things that an alias stands for."""

    model: str
    """A model of the catalogue, or a saved prompt as ``prompt/NAME@label``."""
    prompt_model: str | None = None
    """The model that answers the prompt."""
    weight: Annotated[float, Field(gt=0)] = 1.0


class ModelRoute(Record):
    """A name that callers use, and what answers to it."""

    name: Name
    targets: Annotated[tuple[RouteTarget, ...], Field(min_length=1)]
    """One is drawn by weight for each call."""
    fallbacks: tuple[RouteTarget, ...] = ()
    """Tried in order where the target did not answer."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """Calls to each target."""
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0


class Assistant(Record):
    """A stored context that answers questions, with samples to begin with."""

    name: Name
    context: str
    """The system message."""
    questions: tuple[str, ...] = ()
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    """That may answer; the first does unless another is asked for."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.context.strip():
            raise ValueError("an assistant needs a context")
        return self
