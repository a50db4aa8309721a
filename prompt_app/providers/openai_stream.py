"""Streamed chat completions: server-sent events, put together to the reply that the same call
would have given whole."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import orjson

from prompt_app.datamodel.model import GenerationRequest, ReplyDelta, ReplyEvent
from prompt_app.errors import MalformedReplyError
from prompt_app.providers.http import HttpResponse
from prompt_app.providers.openai_wire import read_reply, refusal

Parts = AsyncGenerator[HttpResponse | bytes, None]


async def read_stream(
    parts: Parts, host: str, request: GenerationRequest
) -> AsyncGenerator[ReplyEvent, None]:
    """``parts`` as Transport.stream gives them. Raises MalformedReplyError unless the stream came
    to its end."""
    started = time.monotonic()
    whole = _Whole()
    head: HttpResponse | None = None
    lines = _Lines()
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, HttpResponse):
                if part.status != 200:
                    raise refusal(part, host, request)
                head = part
                continue
            for data in lines.events(part):
                for delta in whole.take(data, host):
                    yield delta
    assert head is not None
    if not whole.ended:
        raise MalformedReplyError(f"The answer of {host} was cut off.", status=200)
    seconds = time.monotonic() - started
    body = orjson.dumps(whole.failed or whole.body())
    yield read_reply(HttpResponse(200, head.headers, body, seconds), host, request)


class _Lines:
    """Server-sent events out of pieces that end anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def events(self, piece: bytes) -> Iterator[bytes]:
        """The data of each event that is complete. OpenAI's protocol writes an event's data in
        one line."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()


class _Whole:
    """A chat completion that grows."""

    def __init__(self) -> None:
        self.ended = False
        self.failed: dict[str, Any] | None = None
        """An error that came in place of a piece."""
        self._head: dict[str, Any] = {}
        self._usage: Any = None
        self._choices: dict[int, dict[str, Any]] = {}

    def take(self, data: bytes, host: str) -> list[ReplyDelta]:
        """The pieces of text in an event."""
        if data == b"[DONE]":
            self.ended = True
            return []
        try:
            event = orjson.loads(data)
            if "error" in event and not event.get("choices"):
                self.failed, self.ended = event, True
                return []
            for name in ("id", "created", "model", "system_fingerprint", "service_tier"):
                if event.get(name) is not None:
                    self._head.setdefault(name, event[name])
            self._usage = event.get("usage") or self._usage
            return [delta for choice in event.get("choices") or () for delta in self._add(choice)]
        except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError, KeyError):
            raise MalformedReplyError(
                f"The answer of {host} is not as the protocol says: an event cannot be read.",
                status=200,
            ) from None

    def _add(self, choice: dict[str, Any]) -> Iterator[ReplyDelta]:
        index = int(choice.get("index") or 0)
        grown = self._choices.setdefault(index, {"texts": [], "refusals": [], "tools": {}})
        delta = choice.get("delta") or {}
        for name, texts in (("content", grown["texts"]), ("refusal", grown["refusals"])):
            text = delta.get(name)
            if isinstance(text, str) and text:
                texts.append(text)
                yield ReplyDelta(text, index)
        for call in delta.get("tool_calls") or ():
            _grow_tool_call(grown["tools"], call)
        for name, tokens in (choice.get("logprobs") or {}).items():
            if isinstance(tokens, list):
                grown.setdefault("logprobs", {}).setdefault(name, []).extend(tokens)
        if choice.get("finish_reason"):
            grown["finish_reason"] = choice["finish_reason"]

    def body(self) -> dict[str, Any]:
        """The chat completion as it comes unstreamed."""
        choices = []
        for index, grown in sorted(self._choices.items()):
            refused = "".join(grown["refusals"]) or None
            message: dict[str, Any] = {"role": "assistant", "content": "".join(grown["texts"])}
            message["refusal"] = refused
            if grown["tools"]:
                message["tool_calls"] = [call for _, call in sorted(grown["tools"].items())]
            finish = grown.get("finish_reason")
            choices.append(
                {
                    "index": index,
                    "message": message,
                    "logprobs": grown.get("logprobs"),
                    "finish_reason": finish,
                }
            )
        return {
            **self._head,
            "object": "chat.completion",
            "choices": choices,
            "usage": self._usage,
        }


def _grow_tool_call(calls: dict[int, dict[str, Any]], delta: dict[str, Any]) -> None:
    call = calls.setdefault(int(delta.get("index") or 0), {"type": "function", "function": {}})
    if delta.get("id"):
        call["id"] = delta["id"]
    for name, text in (delta.get("function") or {}).items():
        if isinstance(text, str):
            call["function"][name] = call["function"].get(name, "") + text
