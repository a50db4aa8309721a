"""OpenAI's chat completions, plain and streamed."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prompt_app.datamodel.model import InferenceParameters, ReasoningEffort, Reply
from prompt_app.datamodel.prompt import Message, RichMessage, Role
from prompt_app.errors import PromptAppError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer, StreamedAnswer
from prompt_app.gateway.calling import Event, answer, begun, continued
from prompt_app.gateway.errors import BadRequestError, openai_error, openai_problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.providers.rich import calls_of, logprobs_of
from prompt_app.workbench.serving import Asked

FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_use": "tool_calls",
    "other": "stop",
}
ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
}
EVENT_STREAM = b"text/event-stream; charset=utf-8"
NO_EFFECT = frozenset({"user", "metadata", "store", "service_tier", "safety_identifier"})
"""Fields that say nothing about the reply; they are taken and not passed on."""


class ContentPart(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    """Of an assistant's turn."""
    tool_call_id: str | None = None
    """Of a tool's result."""


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")
    include_usage: bool = False


class ChatRequest(BaseModel):
    """Further fields are passed on to the model's provider as they are."""

    model_config = ConfigDict(extra="allow")
    model: Annotated[str, Field(min_length=1, max_length=500)]
    messages: list[ChatMessage] = []
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    reasoning_effort: ReasoningEffort | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    variables: dict[str, Any] | None = None
    """Values for the placeholders of a saved prompt."""
    prompt_model: str | None = None
    """The model that answers a saved prompt."""


async def chat_completions(exchange: Exchange) -> Answer | StreamedAnswer:
    request = await exchange.read(ChatRequest)
    asked = asked_of(request)
    asked.cache = exchange.cache_use()
    if request.stream:
        usage = request.stream_options is not None and request.stream_options.include_usage
        first, events = await begun(exchange, asked)
        head = _head(exchange, "chat.completion.chunk", asked.model)
        pieces = _chunks(head, first, events, usage)
        return StreamedAnswer(pieces, EVENT_STREAM, _error_event, exchange.serving_headers())
    reply = await answer(exchange, asked)
    head = _head(exchange, "chat.completion", reply.model or asked.model)
    return Answer(orjson.dumps(completion(head, reply)), headers=exchange.serving_headers())


def asked_of(request: ChatRequest) -> Asked:
    """Raises BadRequestError."""
    extra = request.model_extra or {}
    stop = request.stop
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_completion_tokens or request.max_tokens,
        "stop": (stop,) if isinstance(stop, str) else tuple(stop or ()),
        "seed": request.seed,
        "num_responses": 1 if request.n is None else request.n,
        "reasoning_effort": request.reasoning_effort,
        "extra": {k: v for k, v in extra.items() if k not in NO_EFFECT and v is not None},
    }
    return Asked(
        model=request.model,
        messages=tuple(message_of(message) for message in request.messages),
        parameters=parameters_of(given),
        variables=request.variables,
        prompt_model=request.prompt_model,
    )


def parameters_of(
    given: dict[str, Any], names: Mapping[str, str] = MappingProxyType({"num_responses": "n"})
) -> InferenceParameters:
    """Raises BadRequestError that names the parameter as the protocol does: by ``names``, where
    that is not its name here."""
    try:
        return InferenceParameters.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = str(problem["loc"][0])
        place = names.get(place, place)
        raise BadRequestError(f"{place}: {problem['msg']}", place) from None


def message_of(message: ChatMessage) -> Message:
    """Raises BadRequestError for a part that is neither text, an image nor a file."""
    content, rich = message.content, False
    if isinstance(content, list):
        parts = []
        for part in content:
            if part.type == "image_url":
                image = (part.model_extra or {}).get("image_url")
                if not isinstance(image, dict) or not isinstance(image.get("url"), str):
                    raise BadRequestError("messages: image_url needs a 'url'", "messages")
                rich = True
            elif part.type == "file":
                file = (part.model_extra or {}).get("file")
                if not isinstance(file, dict) or not isinstance(file.get("file_data"), str):
                    raise BadRequestError("messages: file needs a 'file_data'", "messages")
                rich = True
            elif part.type not in ("text", "input_text", "output_text") or part.text is None:
                raise BadRequestError(
                    f"A part of the type {part.type!r} is not taken: only text, image_url and "
                    "file are.",
                    "messages",
                )
            parts.append(part.text or "")
        content = "".join(parts)
    role = ROLES[message.role]
    if not rich and message.role != "tool" and not message.tool_calls:
        return Message.model_construct(role=role, content=content or "")
    turn = message.model_dump(mode="json", exclude_none=True)
    return RichMessage.model_construct(role=role, content=content or "", turn=turn)


def _head(exchange: Exchange, kind: str, model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{exchange.id}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
    }


def completion(head: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """A chat completion; tool calls are those of the provider's own answer."""
    choices = []
    for index, output in enumerate(reply.outputs):
        message: dict[str, Any] = {"role": "assistant", "content": output.text, "refusal": None}
        if output.finish_reason == "tool_use":
            message["tool_calls"] = calls_of(reply, index)
        choices.append(
            {
                "index": index,
                "message": message,
                "logprobs": logprobs_of(reply, index),
                "finish_reason": FINISH_REASONS[output.finish_reason],
            }
        )
    return {**head, "choices": choices, "usage": usage_of(reply)}


def usage_of(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


async def _chunks(
    head: dict[str, Any], first: Event, events: AsyncGenerator[Event, None], include_usage: bool
) -> AsyncGenerator[bytes, None]:
    seen: set[int] = set()
    async for event in continued(first, events):
        if isinstance(event, Reply):
            yield _ending(head, event, include_usage)
            continue
        delta: dict[str, Any] = {"content": event.text}
        if event.index not in seen:
            seen.add(event.index)
            delta = {"role": "assistant", **delta}
        yield _chunk(head, [{"index": event.index, "delta": delta, "finish_reason": None}])


def _ending(head: dict[str, Any], reply: Reply, include_usage: bool) -> bytes:
    parts = []
    for index, output in enumerate(reply.outputs):
        delta: dict[str, Any] = {}
        if output.finish_reason == "tool_use":
            calls = enumerate(calls_of(reply, index))
            delta = {"tool_calls": [{**call, "index": at} for at, call in calls]}
        choice = {
            "index": index,
            "delta": delta,
            # Of all its tokens, which official clients add up over the pieces.
            "logprobs": logprobs_of(reply, index),
            "finish_reason": FINISH_REASONS[output.finish_reason],
        }
        parts.append(_chunk(head, [choice]))
    if include_usage:
        parts.append(_chunk(head, [], usage=usage_of(reply)))
    parts.append(b"data: [DONE]\n\n")
    return b"".join(parts)


def _chunk(head: dict[str, Any], choices: list[dict[str, Any]], **more: Any) -> bytes:
    return b"data: " + orjson.dumps({**head, "choices": choices, **more}) + b"\n\n"


def _error_event(error: PromptAppError) -> bytes:
    return b"data: " + orjson.dumps({"error": openai_error(error)}) + b"\n\n"


EXAMPLE = {
    "model": "offline:echo",
    "messages": [{"role": "user", "content": "What colour is the sky?"}],
    "temperature": 0,
}
ADDRESSES = (
    Address(
        method="POST",
        paths=("/v1/chat/completions",),
        handler=chat_completions,
        summary="A reply to a conversation, whole or streamed",
        route="chat.completions",
        shape=openai_problem,
        request=ChatRequest,
        example=EXAMPLE,
        answer={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1767225600,
            "model": "echo",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Blue.", "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14},
        },
    ),
)
