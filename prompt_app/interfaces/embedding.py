"""The socket of providers that embed texts."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest


@runtime_checkable
class Embedder(Protocol):
    """What a provider that embeds texts has beside ``generate``."""

    async def embed(self, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
        """One call, one attempt, at most ``timeout`` seconds; a vector for each text, in order.

        Raises a ProviderError; ModelNotFoundError for a model that embeds nothing.
        """
        ...
