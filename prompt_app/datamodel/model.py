"""Models, inference parameters, and what is sent to a provider and comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from prompt_app.datamodel.base import Numeric, Record
from prompt_app.datamodel.prompt import Message

FinishReason = Literal["stop", "length", "content_filter", "tool_use", "other"]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class TokenPrice(Record):
    """US dollars per million tokens. Where a kind has no price of its own, the input or output
    price holds."""

    input: Numeric[Annotated[float, Field(ge=0)]]
    output: Numeric[Annotated[float, Field(ge=0)]]
    cached_input: Numeric[Annotated[float, Field(ge=0)]] | None = None
    cache_write: Numeric[Annotated[float, Field(ge=0)]] | None = None


class PriceTier(TokenPrice):
    """What all tokens of a call cost once its input is longer than ``above`` tokens."""

    above: Numeric[Annotated[int, Field(ge=0)]]


class Price(TokenPrice):
    """What a model's calls cost."""

    per_request: Numeric[Annotated[float, Field(ge=0)]] = 0.0
    """US dollars."""
    tiers: tuple[PriceTier, ...] = ()
    """Prices of long prompts, by rising ``above``."""


class ModelSpec(Record):
    """A model at a provider; written ``provider:name`` for short, e.g. ``openai:gpt-5-mini``."""

    provider: str
    """A name of the PROVIDERS table."""
    name: str
    """The provider's own id: model, inference profile or endpoint name."""
    base_url: str | None = None
    """Another server of the same protocol (Ollama, vLLM, Azure, a gateway)."""
    region: str | None = None
    options: dict[str, Any] = {}
    """What only this provider knows, e.g. SageMaker's request template."""
    price: Price | None = None
    """Overrides the price table."""

    @model_validator(mode="before")
    @classmethod
    def _from_reference(cls, data: Any) -> Any:
        if isinstance(data, str):
            provider, separator, name = data.partition(":")
            if not separator or not provider or not name:
                raise ValueError(
                    f"a model is written provider:name, e.g. openai:gpt-5-mini; got {data!r}"
                )
            return {"provider": provider, "name": name}
        return data

    @property
    def reference(self) -> str:
        """``provider:name``."""
        return f"{self.provider}:{self.name}"


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class InferenceParameters(Record):
    """How a reply is drawn. Absent means the provider's default; nothing is sent for it."""

    temperature: Numeric[Annotated[float, Field(ge=0, le=2)]] | None = None
    top_p: Numeric[Annotated[float, Field(gt=0, le=1)]] | None = None
    top_k: Numeric[Annotated[int, Field(ge=1)]] | None = None
    max_tokens: Numeric[Annotated[int, Field(ge=1)]] | None = None
    stop: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """One string is a list of one."""
    seed: Numeric[int] | None = None
    reasoning_effort: ReasoningEffort | None = None
    num_responses: Numeric[Annotated[int, Field(ge=1, le=100)]] = 1
    extra: dict[str, Any] = {}
    """Sent as it is, at the place where the provider takes additional fields."""

    def given(self) -> dict[str, Any]:
        """The parameters that were set, by name."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def merged(self, over: InferenceParameters) -> InferenceParameters:
        """These parameters with those set in ``over`` on top, also where that is what one is when
        absent (``num_responses: 1``, ``stop: []``). But where ``over`` names every field it was
        read from a store or a form, which name those that were left out, too."""
        names_all = over.model_fields_set == InferenceParameters.model_fields.keys()
        written = over.given() if names_all else over.model_dump(mode="json", exclude_unset=True)
        set_over = {name: value for name, value in written.items() if value is not None}
        return InferenceParameters.model_validate({**self.given(), **set_over})


class GenerationRequest(Record):
    """One call to a model."""

    model: ModelSpec
    messages: tuple[Message, ...]
    parameters: InferenceParameters = InferenceParameters()


class TokenUsage(Record):
    """Tokens of one call. ``cached_input`` and ``cache_write`` are parts of ``input``;
    ``reasoning`` is a part of ``output``; nothing is counted twice."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            input=self.input + other.input,
            output=self.output + other.output,
            cached_input=self.cached_input + other.cached_input,
            cache_write=self.cache_write + other.cache_write,
            reasoning=self.reasoning + other.reasoning,
        )


class Output(Record):
    """One of the responses in a reply."""

    text: str
    finish_reason: FinishReason = "stop"


class Reply(Record):
    """What a provider answered to one call."""

    outputs: Annotated[tuple[Output, ...], Field(min_length=1)]
    """``num_responses`` of them."""
    usage: TokenUsage = TokenUsage()
    latency_seconds: Annotated[float, Field(ge=0)] = 0.0
    """From sending the request that succeeded to its last byte."""
    request_id: str | None = None
    model: str | None = None
    """The exact model that answered, where the provider tells."""
    raw: dict[str, Any] = {}
    """The provider's response body."""
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    """What it cost, where no price says so: a pipeline's steps may each have their own."""

    @property
    def text(self) -> str:
        """The first response's text."""
        return self.outputs[0].text


@dataclass(frozen=True, slots=True)
class ReplyDelta:
    """A piece of a reply that is being streamed."""

    text: str
    index: int = 0
    """Of the response in the reply that it continues."""


ReplyEvent = ReplyDelta | Reply
"""What a stream gives: pieces, and at its end the whole reply."""
