"""Streamed Converse answers: AWS's binary event stream, put together to the reply that the same
call would have given whole."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from prompt_app.datamodel.model import GenerationRequest, ReplyDelta, ReplyEvent
from prompt_app.errors import MalformedReplyError, ProviderError
from prompt_app.providers.bedrock_wire import read_reply, refusal
from prompt_app.providers.http import HttpResponse

Parts = AsyncGenerator[HttpResponse | bytes, None]
STATUS = {
    "internalServerException": 500,
    "modelStreamErrorException": 424,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}


async def read_stream(
    parts: Parts, host: str, request: GenerationRequest
) -> AsyncGenerator[ReplyEvent, None]:
    """``parts`` as Transport.stream gives them. Raises MalformedReplyError unless the stream came
    to its end."""
    from botocore.eventstream import EventStreamBuffer, ParserError

    started = time.monotonic()
    head: HttpResponse | None = None
    buffer = EventStreamBuffer()
    texts: list[str] = []
    body: dict[str, Any] = {}
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, HttpResponse):
                if part.status != 200:
                    raise refusal(part, host, request)
                head = part
                continue
            buffer.add_data(part)
            try:
                events: list[tuple[Any, Any]] = [
                    (event.headers, orjson.loads(event.payload)) for event in buffer
                ]
            except (ParserError, ValueError, AttributeError) as error:
                raise _malformed(host) from error
            for told, data in events:
                text = _take(told, data, body, host, request)
                if text:
                    texts.append(text)
                    yield ReplyDelta(text)
    assert head is not None
    if "stopReason" not in body:
        raise MalformedReplyError(f"The answer of {host} was cut off.", status=200)
    content = [{"text": "".join(texts)}, *_tool_uses(body, host)]
    body["output"] = {"message": {"role": "assistant", "content": content}}
    seconds = time.monotonic() - started
    whole = HttpResponse(200, head.headers, orjson.dumps(body), seconds)
    yield read_reply(whole, host, request.model.name)


def _take(
    headers: dict[str, Any],
    data: dict[str, Any],
    body: dict[str, Any],
    host: str,
    request: GenerationRequest,
) -> str:
    """The text in an event; what else it tells goes into ``body``."""
    if headers.get(":message-type") != "event":
        raise _exception(headers, data, host, request)
    kind = headers.get(":event-type")
    try:
        if kind == "contentBlockStart" and "toolUse" in data["start"]:
            started = {**data["start"]["toolUse"], "input": ""}
            body.setdefault("toolUses", {})[data["contentBlockIndex"]] = started
        if kind == "contentBlockDelta" and "toolUse" in data["delta"]:
            grown = body["toolUses"][data["contentBlockIndex"]]
            grown["input"] += data["delta"]["toolUse"]["input"]
        elif kind == "contentBlockDelta":
            return str(data["delta"].get("text") or "")
        if kind == "messageStop":
            body["stopReason"] = data["stopReason"]
        elif kind == "metadata":
            body.update({name: data[name] for name in ("usage", "metrics") if name in data})
    except (KeyError, AttributeError, TypeError):
        raise _malformed(host) from None
    return ""


def _tool_uses(body: dict[str, Any], host: str) -> list[dict[str, Any]]:
    """The calls of tools, whose arguments came as pieces of JSON."""
    try:
        return [
            {"toolUse": {**use, "input": orjson.loads(use["input"] or "{}")}}
            for _, use in sorted(body.pop("toolUses", {}).items())
        ]
    except orjson.JSONDecodeError:
        raise _malformed(host) from None


def _exception(
    headers: dict[str, Any], data: dict[str, Any], host: str, request: GenerationRequest
) -> ProviderError:
    """An error that came in the middle of the stream."""
    kind = str(headers.get(":exception-type") or headers.get(":error-code") or "")
    name = kind[:1].upper() + kind[1:]
    told = {"x-amzn-ErrorType": name}
    return refusal(HttpResponse(STATUS.get(kind, 500), told, orjson.dumps(data), 0), host, request)


def _malformed(host: str) -> MalformedReplyError:
    return MalformedReplyError(
        f"The answer of {host} is not as the Converse API says: an event cannot be read.",
        status=200,
    )
