"""The embeddings of OpenAI's protocol: requests and replies."""

from __future__ import annotations

from typing import Any

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest, unpack_vector
from prompt_app.errors import MalformedReplyError
from prompt_app.providers.embedding import checked_vectors
from prompt_app.providers.http import HttpResponse, decode_json, request_id_of
from prompt_app.providers.openai_wire import checked_extra, read_usage

RESERVED = frozenset({"model", "input", "dimensions", "encoding_format"})


def request_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The request in the protocol's form. Raises UnsupportedParameterError."""
    body: dict[str, Any] = {"model": request.model.name, "input": request.texts}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    body.update(checked_extra(request.parameters, RESERVED))
    return body


def read_reply(response: HttpResponse, host: str, request: EmbeddingRequest) -> EmbeddingReply:
    """The vectors in a successful response, in the order of the texts whatever order they come
    in. Raises MalformedReplyError unless there is one for each."""
    data = decode_json(response, host)
    try:
        items = sorted(data["data"], key=lambda item: item["index"])
        places = [item["index"] for item in items]
        vectors = [_vector(item["embedding"]) for item in items]
    except (KeyError, TypeError, ValueError):
        places, vectors = [], []
    if places != list(range(len(request.texts))):
        raise MalformedReplyError(
            f"The answer of {host} does not hold a vector for each text.", status=response.status
        )
    model = data.get("model")
    return EmbeddingReply(
        vectors=checked_vectors(vectors, request, host, response.status),
        usage=read_usage(data.get("usage")),
        latency_seconds=response.seconds,
        request_id=request_id_of(response),
        model=model if isinstance(model, str) and model else None,
    )


def _vector(given: Any) -> list[float]:
    return unpack_vector(given) if isinstance(given, str) else given
