"""Saved pipelines: their arguments, and calling them."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import orjson
from pydantic import BaseModel, ConfigDict

from prompt_app.datamodel.serving import Scope
from prompt_app.errors import PromptAppError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.calling import PIPELINE, call_pipeline, pipelines
from prompt_app.gateway.errors import BadRequestError, error_text, problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.workbench.serving import Asked


class PipelineCallRequest(BaseModel):
    """``openaikey_id`` is taken and has no effect: keys are the server's own."""

    model_config = ConfigDict(extra="ignore")
    pipeline_id: int | str | None = None
    pipeline_name: str | None = None
    name: str | None = None
    args: dict[str, Any] = {}
    openaikey_id: Any = None


def refusal(error: PromptAppError) -> Answer:
    """The shape of these routes, with the right status."""
    told = problem(error)
    body = orjson.dumps({"success": False, "error": error_text(error)})
    return Answer(body, told.status, headers=told.headers)


async def arguments(exchange: Exchange) -> Answer:
    query = parse_qs(exchange.scope["query_string"].decode("latin-1"))
    name = (query.get("pipeline_name") or [""])[0]
    if not name:
        raise BadRequestError("pipeline_name: name the pipeline", "pipeline_name")
    names = await asyncio.to_thread(pipelines(exchange).arguments, name)
    return Answer(orjson.dumps({"success": True, "response": names}))


async def call(exchange: Exchange) -> Answer:
    request = await exchange.read(PipelineCallRequest)
    which = request.pipeline_id or request.pipeline_name or request.name
    if which is None or which == "":
        raise BadRequestError("pipeline_id: give the pipeline's id or name", "pipeline_id")
    version = await asyncio.to_thread(pipelines(exchange).get, which)
    asked = Asked(model=f"{PIPELINE}{version.name}", cache=exchange.cache_use())
    exchange.asked = asked
    done = await call_pipeline(exchange, version.name, request.args, asked)
    return Answer(orjson.dumps({"success": True, "response": done.output_text}))


ADDRESSES = (
    Address(
        method="GET",
        paths=("/api/pipeline/args", "/api/pipeline/args/"),
        handler=arguments,
        summary="The arguments that a pipeline takes",
        route="api.pipeline.args",
        scope=Scope.READ,
        session=True,
        shape=refusal,
        query=("pipeline_name",),
        answer={"success": True, "response": ["s"]},
    ),
    Address(
        method="POST",
        paths=("/api/pipeline/call/", "/api/pipeline/call"),
        handler=call,
        summary="Call a saved pipeline",
        route="api.pipeline.call",
        session=True,
        shape=refusal,
        request=PipelineCallRequest,
        example={"pipeline_id": 14, "args": {"s": "abc"}, "openaikey_id": 1},
        answer={"success": True, "response": "ABC"},
    ),
)
