"""What a client asks for, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Price, Reply
from prompt_app.datamodel.prompt import Message, PinnedPrompt
from prompt_app.errors import RateLimitedError
from prompt_app.providers.limiting import AdaptiveLimiter
from prompt_app.providers.retrying import Retrying

NO_PARAMETERS = InferenceParameters()


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How a call uses stored replies."""

    read: bool = True
    write: bool = True
    max_age: float | None = None
    """In seconds; None takes any age."""


@dataclass(slots=True)
class Spent:
    """What a call took, also where its client left or its provider broke off."""

    target: str = ""
    prompt: str = ""
    prompt_version: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    cached: bool = False
    age: float | None = None
    """Of the stored reply that answered, in seconds."""


@dataclass(slots=True)
class Asked:
    """One call to a model, as the client wrote it."""

    model: str
    """``provider:name``, a bare name, ``prompt/NAME@label``, ``assistant/NAME`` or an alias."""
    messages: tuple[Message, ...] = ()
    parameters: InferenceParameters = NO_PARAMETERS
    variables: Mapping[str, Any] | None = None
    """Of a saved prompt."""
    prompt_model: str | None = None
    """The model that answers a saved prompt."""
    spec: ModelSpec | None = None
    """The model itself, where the server and not the client names it."""
    part_of: str = ""
    """What the client called, where this is a step of it: who may call that may call its steps."""
    texts: tuple[str, ...] = ()
    """To embed, in the place of messages to answer."""
    dimensions: int | None = None
    cache: CacheUse = CacheUse()
    spent: Spent = field(default_factory=Spent)
    """Filled in while the call is served."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model that can be called."""

    model: ModelSpec
    patient: Retrying
    hasty: Retrying
    """The same model, for calls that wait for no pause."""
    price: Price | None
    timeout: float
    names: tuple[str, ...]
    """By which an allow-list may know it."""
    limiter: AdaptiveLimiter

    @property
    def reference(self) -> str:
        return self.model.reference

    def check_turn(self) -> None:
        """Raises RateLimitedError where the provider has asked to wait longer than a call may, so
        that a fallback is tried, or the client told, at once."""
        wait = self.limiter.wait_seconds
        if wait > self.timeout:
            raise RateLimitedError(
                f"The provider of {self.reference} has asked not to be called for {wait:.0f} s.",
                retry_after=wait,
            )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target, and the prompt that is put before it."""

    target: Target
    names: tuple[str, ...]
    """By which an allow-list may know it."""
    prompt: PinnedPrompt | None = None
    context: str | None = None
    """System message of an assistant."""
    hasty: bool = False
    """Not waited for where its provider asks for a pause."""

    @property
    def provider(self) -> Retrying:
        return self.target.hasty if self.hasty else self.target.patient


@dataclass(slots=True)
class Served:
    """An answered call."""

    reply: Reply
    candidate: Candidate
