"""Bedrock's embedding models: requests to InvokeModel and their replies, by family.

Sources: the pages "Amazon Titan Text Embeddings" and "Cohere Embed" of the Bedrock user guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import TokenUsage
from prompt_app.errors import MalformedReplyError, UnsupportedParameterError
from prompt_app.providers.embedding import cannot_embed, checked_vectors
from prompt_app.providers.http import HttpResponse, decode_json, request_id_of, token_count
from prompt_app.providers.openai_wire import checked_extra

TOKEN_HEADER = "X-Amzn-Bedrock-Input-Token-Count"


@dataclass(frozen=True, slots=True)
class EmbeddingFamily:
    """How models of one family take texts and give vectors."""

    models: re.Pattern[str]
    texts_a_call: int
    body: Callable[[EmbeddingRequest], dict[str, Any]]
    vectors: Callable[[Any], Any]
    """Out of a decoded reply; raises KeyError or TypeError where they are not there."""


def _titan(request: EmbeddingRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"inputText": request.texts[0]}
    if request.dimensions is not None:
        if "text-v1" in request.model.name:
            raise _no_dimensions(request)
        body["dimensions"] = request.dimensions
    return body


def _cohere(request: EmbeddingRequest) -> dict[str, Any]:
    """Texts that are compared with each other are all of one type."""
    body: dict[str, Any] = {"texts": request.texts, "input_type": "clustering"}
    if request.dimensions is not None:
        if "embed-v4" not in request.model.name:
            raise _no_dimensions(request)
        body["output_dimension"] = request.dimensions
    return body


def _cohere_vectors(data: Any) -> Any:
    found = data["embeddings"]
    return found["float"] if isinstance(found, dict) else found


def _no_dimensions(request: EmbeddingRequest) -> UnsupportedParameterError:
    return UnsupportedParameterError(
        f"{request.model.name} gives vectors of one length only: leave dimensions out.",
        parameter="dimensions",
        status=None,
    )


FAMILIES = (
    EmbeddingFamily(
        re.compile(r"amazon\.titan-embed-text"), 1, _titan, lambda data: [data["embedding"]]
    ),
    EmbeddingFamily(re.compile(r"cohere\.embed-"), 96, _cohere, _cohere_vectors),
)


def embeds(name: str) -> bool:
    """Whether a model id, inference profile or ARN is one of an embedding model."""
    return any(family.models.search(name) for family in FAMILIES)


def requests_of(request: EmbeddingRequest) -> list[EmbeddingRequest]:
    """``request`` in parts that its model takes in one call each. Raises ModelNotFoundError for a
    model that embeds nothing."""
    most = _family(request).texts_a_call
    return [
        request.model_copy(update={"texts": request.texts[start : start + most]})
        for start in range(0, len(request.texts), most)
    ]


def request_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body of one call. Raises UnsupportedParameterError."""
    body = _family(request).body(request)
    reserved = frozenset({*body, "dimensions", "output_dimension"} - {"input_type"})
    return {**body, **checked_extra(request.parameters, reserved)}


def read_reply(response: HttpResponse, host: str, request: EmbeddingRequest) -> EmbeddingReply:
    """The vectors in a successful response. Raises MalformedReplyError."""
    data = decode_json(response, host)
    try:
        vectors = _family(request).vectors(data)
    except (KeyError, TypeError):
        raise MalformedReplyError(
            f"The answer of {host} holds no vectors.", status=response.status
        ) from None
    told = response.headers.get(TOKEN_HEADER, "")
    tokens = token_count(float(told) if told.isdecimal() else data.get("inputTextTokenCount"))
    return EmbeddingReply(
        vectors=checked_vectors(vectors, request, host, response.status),
        usage=TokenUsage(input=tokens),
        latency_seconds=response.seconds,
        request_id=request_id_of(response),
        model=request.model.name,
    )


def _family(request: EmbeddingRequest) -> EmbeddingFamily:
    for family in FAMILIES:
        if family.models.search(request.model.name):
            return family
    raise cannot_embed(request.model)
