"""``GET /v1/models``, and whether the gateway is alive."""

from __future__ import annotations

from urllib.parse import unquote

import orjson

from prompt_app.datamodel.serving import Scope
from prompt_app.errors import UnknownNameError
from prompt_app.gateway.address import Address
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.errors import openai_problem
from prompt_app.gateway.exchange import Exchange
from prompt_app.gateway.telemetry import CONTENT_TYPE
from prompt_app.providers import PROVIDERS
from prompt_app.registry import nearest_names


async def list_models(exchange: Exchange) -> Answer:
    models = [_model(name) for name in await _allowed(exchange)]
    return Answer(orjson.dumps({"object": "list", "data": models}))


async def one_model(exchange: Exchange) -> Answer:
    name = unquote(exchange.parameters["name"])
    names = await _allowed(exchange)
    if name not in names:
        raise UnknownNameError("model", name, nearest_names(name, names))
    return Answer(orjson.dumps(_model(name)))


async def health(exchange: Exchange) -> Answer:
    return Answer(b'{"status": "ok"}')


async def metrics(exchange: Exchange) -> Answer:
    return Answer(exchange.gateway.telemetry.exposition(), kind=CONTENT_TYPE)


async def openapi(exchange: Exchange) -> Answer:
    return Answer(orjson.dumps(exchange.scope["app"].openapi()))


async def _allowed(exchange: Exchange) -> list[str]:
    caller = exchange.caller
    assert caller is not None
    names = await exchange.gateway.serving.names.callable_names(caller.reach)
    return [name for name in names if caller.may_call(name, *_bare(name))]


def _bare(name: str) -> list[str]:
    """A provider's model is also known without the provider."""
    provider, _, rest = name.partition(":")
    return [rest] if provider in PROVIDERS else []


def _model(name: str) -> dict[str, object]:
    owner = name.partition(":")[0] if ":" in name else "prompt-app"
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


_EXAMPLE = {"id": "offline:echo", "object": "model", "created": 0, "owned_by": "offline"}
ADDRESSES = (
    Address(
        method="GET",
        paths=("/v1/models",),
        handler=list_models,
        summary="Models, saved prompts, assistants and aliases that can be called",
        route="models",
        scope=Scope.READ,
        shape=openai_problem,
        answer={"object": "list", "data": [_EXAMPLE]},
    ),
    Address(
        method="GET",
        paths=("/v1/models/{name:path}",),
        handler=one_model,
        summary="One model by its name",
        route="models",
        scope=Scope.READ,
        shape=openai_problem,
        answer=_EXAMPLE,
    ),
    Address(
        method="GET",
        paths=("/health",),
        handler=health,
        summary="Whether the gateway is alive",
        route="health",
        scope=None,
        answer={"status": "ok"},
    ),
    Address(
        method="GET",
        paths=("/metrics",),
        handler=metrics,
        summary="Figures for Prometheus",
        route="metrics",
        scope=Scope.ADMIN,
        produces="text/plain",
    ),
    Address(
        method="GET",
        paths=("/openapi.json",),
        handler=openapi,
        summary="This description",
        route="openapi",
        scope=Scope.READ,
    ),
)
