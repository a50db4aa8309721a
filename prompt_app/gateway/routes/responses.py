"""OpenAI's responses, plain and streamed. No conversation is kept between calls."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from prompt_app.datamodel.model import ReasoningEffort, Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import PromptAppError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer, StreamedAnswer
from prompt_app.gateway.calling import Event, answer, begun, continued
from prompt_app.gateway.errors import BadRequestError, openai_error, openai_problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.gateway.routes.chat import (
    EVENT_STREAM,
    ChatMessage,
    ContentPart,
    message_of,
    parameters_of,
)
from prompt_app.workbench.serving import Asked

Status = Literal["in_progress", "completed", "incomplete"]


class InputItem(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]


class Reasoning(BaseModel):
    model_config = ConfigDict(extra="ignore")
    effort: ReasoningEffort | None = None


class ResponsesRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    model: Annotated[str, Field(min_length=1, max_length=500)]
    input: str | list[InputItem] = ""
    instructions: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning: Reasoning | None = None
    stream: bool | None = None
    previous_response_id: str | None = None
    tools: list[Any] = []
    variables: dict[str, Any] | None = None
    prompt_model: str | None = None


async def responses(exchange: Exchange) -> Answer | StreamedAnswer:
    request = await exchange.read(ResponsesRequest)
    asked = _asked(request)
    asked.cache = exchange.cache_use()
    if request.stream:
        first, events = await begun(exchange, asked)
        pieces = _events(exchange, request, first, events)
        return StreamedAnswer(pieces, EVENT_STREAM, _error_event, exchange.serving_headers())
    reply = await answer(exchange, asked)
    body = _response(exchange, request, _status(reply), reply)
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


def _asked(request: ResponsesRequest) -> Asked:
    if request.previous_response_id is not None:
        raise BadRequestError(
            "No conversation is kept here: send the earlier turns in 'input'.",
            "previous_response_id",
        )
    if request.tools:
        raise BadRequestError("Tools are taken by /v1/chat/completions alone.", "tools")
    messages: list[Message] = []
    if request.instructions:
        messages.append(Message(role="system", content=request.instructions))
    if isinstance(request.input, str):
        if request.input:
            messages.append(Message(role="user", content=request.input))
    else:
        for item in request.input:
            turn = ChatMessage.model_construct(role=item.role, content=item.content)
            messages.append(message_of(turn))
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_output_tokens,
        "reasoning_effort": request.reasoning.effort if request.reasoning else None,
    }
    return Asked(
        model=request.model,
        messages=tuple(messages),
        parameters=parameters_of(given),
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
        "output": [] if reply is None else [_item(exchange, status, reply.text)],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": request.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": request.top_p,
        "usage": None if reply is None else _usage(reply),
    }


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


async def _events(
    exchange: Exchange,
    request: ResponsesRequest,
    first: Event,
    events: AsyncGenerator[Event, None],
) -> AsyncGenerator[bytes, None]:
    number = 0

    def tell(kind: str, **more: Any) -> bytes:
        nonlocal number
        data = {"type": kind, "sequence_number": number, **more}
        number += 1
        return f"event: {kind}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"

    place = {"item_id": f"msg_{exchange.id}", "output_index": 0, "content_index": 0}
    started = _response(exchange, request, "in_progress")
    item = _item(exchange, "in_progress", None)
    yield tell("response.created", response=started)
    yield tell("response.in_progress", response=started)
    yield tell("response.output_item.added", output_index=0, item=item)
    yield tell("response.content_part.added", **place, part=_part(""))
    async for event in continued(first, events):
        if not isinstance(event, Reply):
            if event.index == 0:
                yield tell("response.output_text.delta", **place, delta=event.text, logprobs=[])
            continue
        text, status = event.text, _status(event)
        yield tell("response.output_text.done", **place, text=text, logprobs=[])
        yield tell("response.content_part.done", **place, part=_part(text))
        done = _item(exchange, status, text)
        yield tell("response.output_item.done", output_index=0, item=done)
        whole = _response(exchange, request, status, event)
        yield tell(f"response.{status}", response=whole)


def _error_event(error: PromptAppError) -> bytes:
    told = openai_error(error)
    data = {"type": "error", "sequence_number": 0, **told}
    return b"event: error\ndata: " + orjson.dumps(data) + b"\n\n"


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
