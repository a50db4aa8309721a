"""What a mock server does, and what it has counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from prompt_app.datamodel.base import Record

Probability = Annotated[float, Field(ge=0, le=1)]


class MockServerOptions(Record):
    """Everything that can be set, at the start or live. Chances are drawn for each request."""

    latency_ms: Annotated[float, Field(ge=0)] = 0
    """Between taking a request and answering it."""
    jitter_ms: Annotated[float, Field(ge=0)] = 0
    """The latency varies evenly by as much, up and down."""
    piece_ms: Annotated[float, Field(ge=0)] = 0
    """Between two pieces of a streamed answer."""
    p_429: Probability = 0
    retry_after: Annotated[float, Field(ge=0)] | Literal["auto"] | None = "auto"
    """Seconds in the Retry-After of every 429; ``auto`` is the wait for the next free place,
    rounded up to whole seconds as HTTP has it, and no header for a 429 by chance; None leaves the
    header out."""
    p_500: Probability = 0
    p_reset: Probability = 0
    """The connection is reset in place of an answer."""
    p_hang: Probability = 0
    """No answer ever comes."""
    p_truncate: Probability = 0
    """Half the body, then the connection closes."""
    p_malformed: Probability = 0
    """A whole body with status 200 that is no reply."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Above it: 429."""
    requests_per_second_of: dict[str, Annotated[float, Field(gt=0)]] = {}
    """The same for single models, by name."""
    burst: Annotated[float, Field(ge=1)] | None = None
    """Requests that may come at once after a rest; a tenth of a second's worth when absent."""
    max_concurrency: Annotated[int, Field(ge=1)] | None = None
    """Requests in work at once; above it: 429."""
    quota_after: Annotated[int, Field(ge=0)] | None = None
    """Requests let in until the account's credit is used up."""
    unsupported: tuple[str, ...] = ()
    """Parameters, by their name in the protocol, that are refused with status 400."""
    batch_seconds: Annotated[float, Field(ge=0)] = 0
    """Until a batch job is answered."""
    models: tuple[str, ...] = ()
    """Known models; when empty every name is known."""
    api_key: str | None = None
    """Asked for, as a bearer token or ``api-key``."""
    reply: str = "OK"
    """What the model ``fixed`` says."""
    script: str | None = None
    """File of rules of the model ``scripted``."""
    record: Literal["text", "hash"] | None = None
    """Count requests and answers for each prompt: its last user message, or the first 16 hex
    digits of that text's SHA-256."""
    seed: int = 0


@dataclass(slots=True)
class Stats:
    """Counts since the start or the last reset."""

    counts: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak_in_flight: int = 0
    answered_models: Counter[str] = field(default_factory=Counter)
    received_prompts: Counter[str] = field(default_factory=Counter)
    answered_prompts: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """``received``, ``admitted`` (not refused), ``answered`` (the whole reply was written),
        ``refused_...``, ``failed_500``, ``reset``, ``hung``, ``truncated``, ``malformed``,
        ``abandoned`` (the client left), ``answered_in_batch`` (of the answered),
        ``input_tokens`` and ``output_tokens`` of the answered;
        absent is 0."""
        return {
            **self.counts,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "answered_models": dict(self.answered_models),
            "received_prompts": dict(self.received_prompts),
            "answered_prompts": dict(self.answered_prompts),
        }
