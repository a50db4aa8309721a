"""OpenAI's embeddings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from prompt_app.datamodel.embedding import stored_vectors
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.calling import answer
from prompt_app.gateway.errors import openai_problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.workbench.serving import Asked

MOST_TEXTS = 2048


def _texts(given: Any) -> Any:
    """Raises ValueError in words that name no type of Python's."""
    several = isinstance(given, list) and 0 < len(given) <= MOST_TEXTS
    if isinstance(given, list) and any(isinstance(each, int | list) for each in given):
        raise ValueError("numbers of tokens are not taken, send the texts themselves")
    if isinstance(given, str) or (several and all(isinstance(each, str) for each in given)):
        return given
    raise ValueError(f"a text, or a list of 1 to {MOST_TEXTS} texts")


class EmbeddingsRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    model: Annotated[str, Field(min_length=1, max_length=500)]
    input: Annotated[str | list[str], BeforeValidator(_texts)]
    dimensions: Annotated[int, Field(ge=1, le=10_000)] | None = None
    encoding_format: Literal["float", "base64"] = "float"


async def embeddings(exchange: Exchange) -> Answer:
    request = await exchange.read(EmbeddingsRequest)
    texts = (request.input,) if isinstance(request.input, str) else tuple(request.input)
    asked = Asked(
        model=request.model,
        texts=texts,
        dimensions=request.dimensions,
        cache=exchange.cache_use(),
    )
    reply = await answer(exchange, asked)
    exchange.response_text = None
    vectors: list[Any] = [output.text for output in reply.outputs]
    if request.encoding_format == "float":
        vectors = stored_vectors(reply)
    body = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "model": reply.model or request.model,
        "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.total},
    }
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


ADDRESSES = (
    Address(
        method="POST",
        paths=("/v1/embeddings",),
        handler=embeddings,
        summary="Texts as vectors",
        route="embeddings",
        shape=openai_problem,
        request=EmbeddingsRequest,
        example={"model": "offline:hashing", "input": ["one text", "another"]},
        answer={
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8]}],
            "model": "hashing",
            "usage": {"prompt_tokens": 5, "total_tokens": 5},
        },
    ),
)
