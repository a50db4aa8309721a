"""Bedrock's Converse, plain and streamed, for unchanged AWS clients with a bearer token."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict

from prompt_app.datamodel.model import Reply
from prompt_app.errors import PromptAppError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer, StreamedAnswer
from prompt_app.gateway.calling import Event, answer, begun, continued
from prompt_app.gateway.converse_form import read_format, read_tools, read_turn, tool_uses
from prompt_app.gateway.errors import BadRequestError, bedrock_problem, error_text
from prompt_app.gateway.exchange import Exchange
from prompt_app.gateway.routes.chat import parameters_of
from prompt_app.providers.catalogue import named_model
from prompt_app.providers.event_stream import event
from prompt_app.providers.rich import calls_of
from prompt_app.workbench.serving import Asked
from prompt_app.workbench.serving.names import SERVED

STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "content_filtered",
    "tool_use": "tool_use",
    "other": "end_turn",
}


NO_EFFECT = frozenset({"requestMetadata", "performanceConfig", "serviceTier",
                       "additionalModelResponseFieldPaths"})  # fmt: skip
"""Fields that say nothing about the reply; they are taken and not passed on."""


class Block(BaseModel):
    model_config = ConfigDict(extra="allow")
    text: str | None = None


class ConverseMessage(BaseModel):
    role: Literal["user", "assistant"]
    content: list[Block]


class InferenceConfig(BaseModel):
    maxTokens: int | None = None
    temperature: float | None = None
    topP: float | None = None
    stopSequences: list[str] = []


class ConverseRequest(BaseModel):
    """Any other field that is set is refused: what it asks for is not done here."""

    model_config = ConfigDict(extra="allow")
    messages: list[ConverseMessage] = []
    system: list[Block] = []
    inferenceConfig: InferenceConfig = InferenceConfig()
    additionalModelRequestFields: dict[str, Any] = {}
    toolConfig: dict[str, Any] | None = None
    outputConfig: dict[str, Any] | None = None
    guardrailConfig: dict[str, Any] | None = None
    promptVariables: dict[str, Block] | None = None
    """Values for the placeholders of a saved prompt."""


async def converse(exchange: Exchange) -> Answer:
    asked = await _asked(exchange)
    reply = await answer(exchange, asked)
    output = reply.outputs[0]
    uses = [{"toolUse": use} for use in _uses(reply)]
    texts = [{"text": output.text}] if output.text or not uses else []
    body = {
        "output": {"message": {"role": "assistant", "content": [*texts, *uses]}},
        "stopReason": STOP_REASONS[output.finish_reason],
        **_figures(exchange, reply),
    }
    return Answer(orjson.dumps(body), headers=exchange.serving_headers())


async def converse_stream(exchange: Exchange) -> StreamedAnswer:
    asked = await _asked(exchange)
    first, events = await begun(exchange, asked)
    return StreamedAnswer(
        _events(exchange, first, events),
        b"application/vnd.amazon.eventstream",
        _exception,
        exchange.serving_headers(),
    )


async def _asked(exchange: Exchange) -> Asked:
    request = await exchange.read(ConverseRequest)
    if request.guardrailConfig:
        raise BadRequestError("guardrailConfig: no guardrail is applied here.", "guardrailConfig")
    for name, value in (request.model_extra or {}).items():
        if value and name not in NO_EFFECT:
            raise BadRequestError(f"{name}: it is not taken here.", name)
    config = request.inferenceConfig
    parameters = parameters_of(
        {
            "max_tokens": config.maxTokens,
            "temperature": config.temperature,
            "top_p": config.topP,
            "stop": tuple(config.stopSequences),
            "extra": {
                **request.additionalModelRequestFields,
                **read_tools(request.toolConfig),
                **read_format(request.outputConfig),
            },
        },
        {"max_tokens": "maxTokens", "top_p": "topP", "stop": "stopSequences"},
    )
    system = [each for block in request.system for each in read_turn("system", _plain([block]))]
    turns = [
        each for turn in request.messages for each in read_turn(turn.role, _plain(turn.content))
    ]
    variables = None
    if request.promptVariables is not None:
        variables = {name: block.text for name, block in request.promptVariables.items()}
    return Asked(
        model=await _named(exchange),
        messages=(*system, *turns),
        parameters=parameters,
        variables=variables,
        cache=exchange.cache_use(),
    )


async def _named(exchange: Exchange) -> str:
    """Bedrock's clients mean a model of Bedrock by a bare name, of whatever vendor. Raises
    InputError."""
    assert exchange.caller is not None
    name = exchange.parameters["name"]
    known = await exchange.gateway.serving.names.known(exchange.caller.reach)
    if name in known.routes or name.startswith(SERVED):
        return name
    bare = named_model(name).provider == "openai" and not name.startswith("openai:")
    return f"bedrock:{name}" if bare else name


def _plain(blocks: list[Block]) -> list[dict[str, Any]]:
    return [block.model_dump(exclude_none=True) for block in blocks]


def _uses(reply: Reply) -> list[dict[str, Any]]:
    if reply.outputs[0].finish_reason != "tool_use":
        return []
    return tool_uses(calls_of(reply, 0))


def _figures(exchange: Exchange, reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    fresh = usage.input - usage.cached_input - usage.cache_write
    return {
        "usage": {
            "inputTokens": fresh,
            "outputTokens": usage.output,
            "totalTokens": usage.total,
            "cacheReadInputTokens": usage.cached_input,
            "cacheWriteInputTokens": usage.cache_write,
        },
        "metrics": {"latencyMs": round((time.perf_counter() - exchange.started) * 1000)},
    }


async def _events(
    exchange: Exchange, first: Event, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[bytes, None]:
    yield event("messageStart", {"role": "assistant"})
    async for piece in continued(first, events):
        if not isinstance(piece, Reply):
            if piece.index == 0:
                delta = {"contentBlockIndex": 0, "delta": {"text": piece.text}}
                yield event("contentBlockDelta", delta)
            continue
        reason = STOP_REASONS[piece.outputs[0].finish_reason]
        yield event("contentBlockStop", {"contentBlockIndex": 0})
        for index, use in enumerate(_uses(piece), start=1):
            at = {"contentBlockIndex": index}
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield event("contentBlockStart", {**at, "start": start})
            given = {"toolUse": {"input": orjson.dumps(use["input"]).decode()}}
            yield event("contentBlockDelta", {**at, "delta": given})
            yield event("contentBlockStop", at)
        yield event("messageStop", {"stopReason": reason})
        yield event("metadata", _figures(exchange, piece))


def _exception(error: PromptAppError) -> bytes:
    name = dict(bedrock_problem(error).headers)[b"x-amzn-errortype"].decode()
    kind = {"ThrottlingException": "throttlingException"}.get(name, "modelStreamErrorException")
    return event(kind, {"message": error_text(error)}, exception=True)


_REQUEST = {
    "messages": [{"role": "user", "content": [{"text": "What colour is the sky?"}]}],
    "inferenceConfig": {"maxTokens": 100},
}
ADDRESSES = (
    Address(
        method="POST",
        paths=("/model/{name:path}/converse",),
        handler=converse,
        summary="A reply to a conversation, in Bedrock's form",
        route="converse",
        shape=bedrock_problem,
        request=ConverseRequest,
        example=_REQUEST,
        answer={
            "output": {"message": {"role": "assistant", "content": [{"text": "Blue."}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 12, "outputTokens": 2, "totalTokens": 14},
            "metrics": {"latencyMs": 350},
        },
    ),
    Address(
        method="POST",
        paths=("/model/{name:path}/converse-stream",),
        handler=converse_stream,
        summary="The same, streamed as an AWS event stream",
        produces="application/vnd.amazon.eventstream",
        route="converse_stream",
        shape=bedrock_problem,
        request=ConverseRequest,
        example=_REQUEST,
    ),
)
