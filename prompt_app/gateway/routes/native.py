"""``/api/openai`` and ``/api/cache``: text in, text out, for clients that know no protocol."""

from __future__ import annotations

from typing import Any

import orjson

from prompt_app.datamodel.embedding import stored_vectors
from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.serving import Scope
from prompt_app.errors import UnknownNameError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.calling import PIPELINE, answer
from prompt_app.gateway.errors import BadRequestError
from prompt_app.gateway.exchange import Exchange
from prompt_app.gateway.routes.chat import ChatRequest, asked_of
from prompt_app.gateway.routes.embeddings import EmbeddingsRequest
from prompt_app.workbench.serving import Asked


class EditsRequest(ChatRequest):
    """The former edits: an instruction, and the text that it is about."""

    input: str = ""
    instruction: str


class CompletionsRequest(ChatRequest):
    prompt: str


ENDPOINTS = ("v1/chat/completions", "v1/edits", "v1/completions", "v1/embeddings")


async def call(exchange: Exchange) -> Answer:
    asked = await _asked(exchange)
    asked.cache = exchange.cache_use()
    reply = await answer(exchange, asked)
    body = {"response": _text(asked, reply), "cache_hit": asked.spent.cached}
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


async def cached(exchange: Exchange) -> Answer:
    asked = await _asked(exchange)
    assert exchange.caller is not None
    if asked.model.startswith(PIPELINE):
        return Answer(b"[]")  # its steps have stored replies, it has none
    served = await exchange.gateway.serving.find(asked, exchange.caller)
    found: list[dict[str, Any]] = []
    if served is not None and asked.texts:
        found = [{"response": _text(asked, served.reply), "cache_hit": True}]
    elif served is not None:
        found = [{"response": each.text, "cache_hit": True} for each in served.reply.outputs]
    return Answer(orjson.dumps(found))


def _text(asked: Asked, reply: Reply) -> Any:
    """The first response; of an embedding its numbers, of several a list of them."""
    if not asked.texts:
        return reply.text
    vectors = stored_vectors(reply)
    return vectors[0] if len(vectors) == 1 else vectors


async def _asked(exchange: Exchange) -> Asked:
    endpoint = exchange.parameters["endpoint"].strip("/")
    if endpoint == "v1/chat/completions":
        return asked_of(await exchange.read(ChatRequest))
    if endpoint == "v1/embeddings":
        given = await exchange.read(EmbeddingsRequest)
        texts = (given.input,) if isinstance(given.input, str) else tuple(given.input)
        return Asked(model=given.model, texts=texts, dimensions=given.dimensions)
    if endpoint == "v1/edits":
        edits = await exchange.read(EditsRequest)
        asked = asked_of(edits)
        asked.messages = (
            Message(role="system", content=edits.instruction),
            Message(role="user", content=edits.input),
        )
        return asked
    if endpoint == "v1/completions":
        completions = await exchange.read(CompletionsRequest)
        if not completions.prompt:
            raise BadRequestError("prompt: it is empty", "prompt")
        asked = asked_of(completions)
        asked.messages = (Message(role="user", content=completions.prompt),)
        return asked
    raise UnknownNameError("endpoint", endpoint, advice=f"There are {', '.join(ENDPOINTS)}.")


_EXAMPLE = {"model": "offline:echo", "messages": [{"role": "user", "content": "Hello"}]}
ADDRESSES = (
    Address(
        method="POST",
        paths=("/api/openai/{endpoint:path}",),
        handler=call,
        summary="The text of a reply, and whether a stored one answered",
        route="api.openai",
        request=ChatRequest,
        example=_EXAMPLE,
        answer={"response": "Hello", "cache_hit": False},
    ),
    Address(
        method="POST",
        paths=("/api/cache/{endpoint:path}",),
        handler=cached,
        summary="The stored replies to the same parameters; no model is called",
        route="api.cache",
        scope=Scope.READ,
        request=ChatRequest,
        example=_EXAMPLE,
        answer=[{"response": "Hello", "cache_hit": True}],
    ),
)
