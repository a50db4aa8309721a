"""Embedding texts by whichever provider can."""

from __future__ import annotations

from typing import Any

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import ModelSpec, TokenUsage
from prompt_app.errors import MalformedReplyError, ModelNotFoundError, UnsupportedParameterError
from prompt_app.interfaces import Provider
from prompt_app.interfaces.embedding import Embedder


async def embed(provider: Provider, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
    """One vector for each text of ``request``. Raises ModelNotFoundError where ``provider``
    embeds nothing, else as ``Provider.generate``."""
    if not isinstance(provider, Embedder):
        raise cannot_embed(request.model)
    return await provider.embed(request, timeout)


def cannot_embed(model: ModelSpec) -> ModelNotFoundError:
    """The error for a model that embeds no texts."""
    return ModelNotFoundError(
        f"{model.reference} cannot embed texts here. Use an embedding model of openai (any server "
        "of its protocol), Amazon Titan's or Cohere's of bedrock, or offline:hashing."
    )


def checked_vectors(
    vectors: Any, request: EmbeddingRequest, host: str, status: int | None = None
) -> tuple[tuple[float, ...], ...]:
    """``vectors`` as they were asked for: one for each text, all of one length, all finite
    numbers. Raises MalformedReplyError, and UnsupportedParameterError for another length than the
    one asked for."""
    import numpy as np

    try:
        array = np.asarray(vectors, dtype=float)
    except (TypeError, ValueError):
        array = np.empty(0)
    texts = len(request.texts)
    if array.ndim != 2 or array.shape[0] != texts or not array.size or not np.isfinite(array).all():
        raise MalformedReplyError(
            f"The answer of {host} does not hold {texts} vectors of one length.", status=status
        )
    if request.dimensions is not None and array.shape[1] != request.dimensions:
        raise UnsupportedParameterError(
            f"{host} gave vectors of {array.shape[1]} numbers instead of {request.dimensions}: "
            "this model does not take dimensions.",
            parameter="dimensions",
            status=status,
        )
    return tuple(map(tuple, array.tolist()))


def joined(replies: list[EmbeddingReply]) -> EmbeddingReply:
    """Several replies to parts of one request, in order: usage summed, the longest latency, the
    first request's id. A single one is itself."""
    if len(replies) == 1:
        return replies[0]
    return EmbeddingReply(
        vectors=tuple(vector for reply in replies for vector in reply.vectors),
        usage=sum((reply.usage for reply in replies), TokenUsage()),
        latency_seconds=max(reply.latency_seconds for reply in replies),
        request_id=replies[0].request_id,
        model=replies[0].model,
    )
