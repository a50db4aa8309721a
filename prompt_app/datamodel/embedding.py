"""Texts as vectors: what is sent to a provider and comes back."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from pydantic import Field

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Output,
    Reply,
    TokenUsage,
)
from prompt_app.datamodel.prompt import Message


class EmbeddingRequest(Record):
    """One call to a model that embeds texts."""

    model: ModelSpec
    texts: Annotated[tuple[str, ...], Field(min_length=1)]
    dimensions: Annotated[int, Field(ge=1)] | None = None
    """Length of the vectors; the model's own when absent."""
    extra: dict[str, Any] = {}
    """Sent as it is beside the texts, e.g. Cohere's ``input_type``."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The texts as limits and spend caps count a request's input."""
        return tuple(Message(role="user", content=text) for text in self.texts)

    @property
    def parameters(self) -> InferenceParameters:
        """None of them concerns an embedding, but for ``extra``."""
        return InferenceParameters(extra=self.extra)


class EmbeddingReply(Record):
    """What a provider answered: a vector for each text, in order."""

    vectors: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)]
    usage: TokenUsage = TokenUsage()
    latency_seconds: Annotated[float, Field(ge=0)] = 0.0
    request_id: str | None = None
    model: str | None = None

    def as_reply(self) -> Reply:
        """In the form in which replies are stored: an output for each vector, packed as 32-bit
        floats in base64."""
        import numpy as np

        return Reply(
            outputs=tuple(
                Output(text=base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode())
                for vector in self.vectors
            ),
            usage=self.usage,
            latency_seconds=self.latency_seconds,
            request_id=self.request_id,
            model=self.model,
        )


ModelRequest = GenerationRequest | EmbeddingRequest
"""One call of either kind."""


def stored_vectors(reply: Reply) -> list[list[float]]:
    """The vectors in what :meth:`EmbeddingReply.as_reply` gave. Raises ValueError for a reply
    that holds none."""
    return [unpack_vector(output.text) for output in reply.outputs]


def unpack_vector(text: str) -> list[float]:
    """A vector from its 32-bit floats in base64. Raises ValueError."""
    import numpy as np

    packed = base64.b64decode(text, validate=True)
    if not packed or len(packed) % 4:
        raise ValueError("this is no packed vector")
    vector: list[float] = np.frombuffer(packed, dtype="<f4").tolist()
    return vector
