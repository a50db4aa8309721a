"""OpenAI's responses, plain and streamed. No conversation is kept between calls."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from prompt_app.datamodel.model import ReasoningEffort, Reply
from prompt_app.errors import PromptAppError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer, StreamedAnswer
from prompt_app.gateway.calling import Event, answer, begun, continued
from prompt_app.gateway.errors import BadRequestError, openai_error, openai_problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.gateway.routes.chat import EVENT_STREAM, parameters_of
from prompt_app.gateway.routes.responses_form import call_items, read_format, read_input, read_tools
from prompt_app.providers.rich import calls_of
from prompt_app.workbench.serving import Asked

Status = Literal["in_progress", "completed", "incomplete"]


NO_EFFECT = frozenset({"user", "metadata", "store", "service_tier", "safety_identifier",
                       "prompt_cache_key", "prompt_cache_retention", "stream_options",
                       "include"})  # fmt: skip
"""Fields that say nothing about the reply's text; they are taken and not passed on."""
CONVERSATION = frozenset({"previous_response_id", "conversation"})
AS_BY_DEFAULT: dict[str, Any] = {"truncation": "disabled", "background": False, "top_logprobs": 0}
"""Values that ask for what is done in any case."""


class Reasoning(BaseModel):
    model_config = ConfigDict(extra="ignore")
    effort: ReasoningEffort | None = None


class ResponsesRequest(BaseModel):
    """Any other field that is set is refused: what it asks for is not done here."""

    model_config = ConfigDict(extra="allow")
    model: Annotated[str, Field(min_length=1, max_length=500)]
    input: str | list[dict[str, Any]] = ""
    instructions: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning: Reasoning | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] = []
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: dict[str, Any] = {}
    variables: dict[str, Any] | None = None
    prompt_model: str | None = None


async def responses(exchange: Exchange) -> Answer | StreamedAnswer:
    request = await exchange.read(ResponsesRequest)
    asked = _asked(request)
    asked.cache = exchange.cache_use()
    if request.stream:
        first, events = await begun(exchange, asked)
        teller = Teller()
        pieces = _events(exchange, request, teller, continued(first, events))
        return StreamedAnswer(pieces, EVENT_STREAM, teller.failure, exchange.serving_headers())
    reply = await answer(exchange, asked)
    body = _response(exchange, request, _status(reply), reply)
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


def _asked(request: ResponsesRequest) -> Asked:
    for name, value in (request.model_extra or {}).items():
        if value not in (None, AS_BY_DEFAULT.get(name)) and name not in NO_EFFECT:
            more = "; send the earlier turns in 'input'" if name in CONVERSATION else ""
            raise BadRequestError(f"{name}: it is not taken here{more}.", name)
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_output_tokens,
        "reasoning_effort": request.reasoning.effort if request.reasoning else None,
        "extra": {
            **read_tools(request.tools, request.tool_choice, request.parallel_tool_calls),
            **read_format(request.text),
        },
    }
    return Asked(
        model=request.model,
        messages=read_input(request.input, request.instructions),
        parameters=parameters_of(given, {"max_tokens": "max_output_tokens"}),
        variables=request.variables,
        prompt_model=request.prompt_model,
    )


def _status(reply: Reply) -> Status:
    return "incomplete" if reply.outputs[0].finish_reason == "length" else "completed"


def _response(
    exchange: Exchange, request: ResponsesRequest, status: Status, reply: Reply | None = None
) -> dict[str, Any]:
    return {
        "id": f"resp_{exchange.id}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": {},
        "model": (reply.model if reply is not None else None) or request.model,
        "output": [] if reply is None else _output(exchange, status, reply),
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "temperature": request.temperature,
        "text": {"format": {"type": "text"}, **request.text},
        "tool_choice": request.tool_choice or "auto",
        "tools": request.tools,
        "top_p": request.top_p,
        "usage": None if reply is None else _usage(reply),
    }


def _output(exchange: Exchange, status: Status, reply: Reply) -> list[dict[str, Any]]:
    calls = _calls(exchange, reply)
    texts = [_item(exchange, status, reply.text)] if reply.text or not calls else []
    return [*texts, *calls]


def _calls(exchange: Exchange, reply: Reply) -> list[dict[str, Any]]:
    if reply.outputs[0].finish_reason != "tool_use":
        return []
    return call_items(calls_of(reply, 0), exchange.id)


def _item(exchange: Exchange, status: Status, text: str | None) -> dict[str, Any]:
    return {
        "id": f"msg_{exchange.id}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [] if text is None else [_part(text)],
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def _usage(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached_input},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


class Teller:
    """Numbers the events of a stream."""

    def __init__(self) -> None:
        self._number = 0

    def tell(self, kind: str, **more: Any) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **more}
        self._number += 1
        return f"event: {kind}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"

    def failure(self, error: PromptAppError) -> bytes:
        """The event of the protocol; the official clients raise where it has ``error``."""
        told = openai_error(error)
        shown = {name: told[name] for name in ("code", "message", "param")}
        return self.tell("error", **shown, error=told)


async def _events(
    exchange: Exchange, request: ResponsesRequest, teller: Teller, events: AsyncIterator[Event]
) -> AsyncGenerator[bytes, None]:
    started = _response(exchange, request, "in_progress")
    yield teller.tell("response.created", response=started)
    yield teller.tell("response.in_progress", response=started)
    place = {"item_id": f"msg_{exchange.id}", "output_index": 0, "content_index": 0}
    speaks = False
    async for event in events:
        if not isinstance(event, Reply):
            if event.index == 0 and event.text:
                if not speaks:
                    speaks = True
                    yield _opening(exchange, teller, place)
                yield teller.tell(
                    "response.output_text.delta", **place, delta=event.text, logprobs=[]
                )
            continue
        status = _status(event)
        if speaks or not _calls(exchange, event):
            if not speaks:
                yield _opening(exchange, teller, place)
            yield _closing(exchange, teller, place, status, event.text)
        output = _output(exchange, status, event)
        for index, item in enumerate(output):
            if item["type"] == "function_call":
                yield _calling(teller, index, item)
        yield teller.tell(
            f"response.{status}", response=_response(exchange, request, status, event)
        )


def _opening(exchange: Exchange, teller: Teller, place: dict[str, Any]) -> bytes:
    item = _item(exchange, "in_progress", None)
    added = teller.tell("response.output_item.added", output_index=0, item=item)
    return added + teller.tell("response.content_part.added", **place, part=_part(""))


def _closing(
    exchange: Exchange, teller: Teller, place: dict[str, Any], status: Status, text: str
) -> bytes:
    done = _item(exchange, status, text)
    return (
        teller.tell("response.output_text.done", **place, text=text, logprobs=[])
        + teller.tell("response.content_part.done", **place, part=_part(text))
        + teller.tell("response.output_item.done", output_index=0, item=done)
    )


def _calling(teller: Teller, index: int, item: dict[str, Any]) -> bytes:
    place = {"item_id": item["id"], "output_index": index}
    arguments = item["arguments"]
    begun = {**item, "status": "in_progress", "arguments": ""}
    kind = "response.function_call_arguments"
    return (
        teller.tell("response.output_item.added", output_index=index, item=begun)
        + teller.tell(f"{kind}.delta", **place, delta=arguments)
        + teller.tell(f"{kind}.done", **place, name=item["name"], arguments=arguments)
        + teller.tell("response.output_item.done", output_index=index, item=item)
    )


ADDRESSES = (
    Address(
        method="POST",
        paths=("/v1/responses",),
        handler=responses,
        summary="A reply in the form of OpenAI's responses, whole or streamed",
        route="responses",
        shape=openai_problem,
        request=ResponsesRequest,
        example={"model": "offline:echo", "input": "What colour is the sky?"},
        answer={
            "id": "resp_1",
            "object": "response",
            "status": "completed",
            "model": "echo",
            "output": [
                {
                    "id": "msg_1",
                    "type": "message",
                    "status": "completed",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "Blue.", "annotations": []}],
                }
            ],
        },
    ),
)
