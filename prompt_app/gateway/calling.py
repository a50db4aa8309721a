"""One call, whatever the name stands for: a pipeline is called as if it were a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.model import GenerationRequest, Output, Reply, ReplyDelta
from prompt_app.datamodel.pipeline import PipelineCall
from prompt_app.datamodel.prompt import RichMessage
from prompt_app.errors import (
    DeadlineExceededError,
    InputError,
    PermissionDeniedError,
    PipelineError,
    PromptAppError,
)
from prompt_app.gateway.exchange import Exchange
from prompt_app.interfaces.pipelines import StepReply
from prompt_app.providers.rich import TOOL_FIELDS
from prompt_app.workbench import Workbench
from prompt_app.workbench.pipelines import CALL_SECONDS, Pipelines
from prompt_app.workbench.serving import Asked

PIPELINE = "pipeline/"
Event = ReplyDelta | Reply


async def answer(exchange: Exchange, asked: Asked) -> Reply:
    """The whole reply. Raises as :meth:`Serving.answer`."""
    exchange.asked = asked
    assert exchange.caller is not None
    if asked.model.startswith(PIPELINE):
        return await _pipeline_reply(exchange, asked)
    reply = (await exchange.gateway.serving.answer(asked, exchange.caller)).reply
    exchange.response_text = reply.text
    return reply


async def stream(exchange: Exchange, asked: Asked) -> AsyncGenerator[Event, None]:
    """The pieces, then the reply. Raises as :meth:`Serving.stream`."""
    exchange.asked = asked
    exchange.streamed = True
    assert exchange.caller is not None
    if asked.model.startswith(PIPELINE):
        reply = await _pipeline_reply(exchange, asked)
        yield ReplyDelta(reply.text)
        yield reply
        return
    events = exchange.gateway.serving.stream(asked, exchange.caller)
    try:
        async for event in events:
            if isinstance(event, ReplyDelta):
                yield event
            else:
                exchange.response_text = event.reply.text
                yield event.reply
    finally:
        await events.aclose()


async def begun(exchange: Exchange, asked: Asked) -> tuple[Event, AsyncGenerator[Event, None]]:
    """The first piece of a stream, and the stream. Raises as :func:`stream`, and
    ConnectionResetError where the client leaves before there is one, which ends the call."""
    events = stream(exchange, asked)
    first = asyncio.ensure_future(anext(events))
    leaving = asyncio.create_task(exchange.left())
    try:
        await asyncio.wait({first, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            await asyncio.wait({first})
            await events.aclose()
            raise ConnectionResetError
        return first.result(), events
    finally:
        leaving.cancel()


async def continued(
    first: Event, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[Event, None]:
    """``events``, of which ``first`` has been awaited."""
    try:
        yield first
        async for event in events:
            yield event
    finally:
        await events.aclose()


async def _pipeline_reply(exchange: Exchange, asked: Asked) -> Reply:
    name = asked.model[len(PIPELINE) :]
    rich = any(isinstance(message, RichMessage) for message in asked.messages)
    if rich or TOOL_FIELDS & asked.parameters.extra.keys():
        raise InputError("A pipeline takes text alone, neither images, files nor tools.")
    if asked.texts:
        raise InputError("A pipeline answers, and embeds nothing: name a model.")
    _check_parameters(asked)
    arguments = asked.variables
    if arguments is None:
        names = await asyncio.to_thread(pipelines(exchange).arguments, name)
        if len(names) > 1:
            raise InputError(
                f"The pipeline {name!r} has the arguments {', '.join(names)}: give them in the "
                "field 'variables'."
            )
        texts = [message.content for message in asked.messages if message.role == "user"]
        if names and not texts:
            raise InputError(f"The pipeline {name!r} needs a message of the role 'user'.")
        arguments = dict(zip(names, texts[-1:], strict=True)) if names else {}
    call = await call_pipeline(exchange, name, arguments, asked)
    return Reply(outputs=(Output(text=call.output_text),), usage=call.usage, model=asked.model)


def _check_parameters(asked: Asked) -> None:
    """Each step of a pipeline has its own. Raises InputError."""
    given = asked.parameters.given()
    names = [*given.pop("extra", ()), *given]
    if names:
        shown = ", ".join({"num_responses": "n"}.get(name, name) for name in names)
        raise InputError(f"A pipeline's steps have parameters of their own: leave out {shown}.")


async def call_pipeline(
    exchange: Exchange, pipeline: str | int, arguments: Any, asked: Asked
) -> PipelineCall:
    """Each step's model is called under the caller's own limits. Raises PipelineError where it
    did not end well, or what the call of a step's model raised."""
    caller = exchange.caller
    assert caller is not None
    if not caller.may_call(asked.model):
        raise PermissionDeniedError(f"This token may not call {asked.model!r}.")
    spent = asked.spent
    failures: list[PromptAppError] = []

    async def ask(request: GenerationRequest) -> StepReply:
        step = Asked(request.model.reference, request.messages, request.parameters)
        step.spec, step.part_of = request.model, asked.model
        step.cache = asked.cache
        try:
            served = await exchange.gateway.serving.answer(step, caller)
        except PromptAppError as error:
            failures.append(error)
            raise
        finally:
            spent.input_tokens += step.spent.input_tokens
            spent.output_tokens += step.spent.output_tokens
            spent.cost_usd += step.spent.cost_usd
            spent.saved_usd += step.spent.saved_usd
        paid = step.spent.input_tokens + step.spent.output_tokens > 0
        unknown = paid and served.candidate.target.price is None
        cost = None if unknown else step.spent.cost_usd
        return StepReply(served.reply, cost_usd=cost, cached=step.spent.cached)

    call = await pipelines(exchange).call(pipeline, arguments, ask=ask)
    spent.target = f"pipeline:{call.name}"
    if call.state != "done":
        raise _failure(call, failures)
    exchange.response_text = call.output_text
    return call


def _failure(call: PipelineCall, failures: Sequence[PromptAppError]) -> PromptAppError:
    """Of a pipeline, in its own words: a model's failure keeps its kind, which says whether to try
    again and when."""
    if failures:
        return failures[0].reworded(call.error)
    if call.seconds >= CALL_SECONDS:
        return DeadlineExceededError(call.error)
    return PipelineError(call.error or "The pipeline did not end.")


def pipelines(exchange: Exchange) -> Pipelines:
    """Of whose calls no texts are kept: bodies are, where that is switched on."""
    return acting(exchange).pipelines.without_texts()


def acting(exchange: Exchange) -> Workbench:
    """In the caller's hands: whoever has a token to invoke may call."""
    caller = exchange.caller
    assert caller is not None
    person = Person(id=caller.person, name=caller.name, role=Role.EDITOR)
    return exchange.gateway.workbench.acting_as(person, reach=caller.reach)
