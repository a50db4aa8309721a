"""Puts the gateway together: one FastAPI app over one Serving."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from prompt_app.errors import SettingsError, UnknownNameError
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.core import Gateway, Visitor
from prompt_app.gateway.errors import (
    ErrorShape,
    WrongMethodError,
    bedrock_problem,
    openai_problem,
    problem,
)
from prompt_app.gateway.exchange import Endpoint, Exchange
from prompt_app.gateway.openapi import openapi
from prompt_app.gateway.routes import ADDRESSES
from prompt_app.providers.addresses import is_loopback
from prompt_app.workbench import Workbench, open_workbench

VERSION = "1"
"""Of the HTTP API."""
SWITCH_SECONDS = 0.0005
"""So that a thread that writes the books does not hold up the loop for Python's usual 5 ms."""
COLLECT_AFTER = 20_000
"""New objects, in the place of Python's 700: a call makes hundreds, and hardly any in a cycle."""
KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s of the load balancers in front."""


def create_gateway(
    workbench: Workbench, *, open_here: bool, visitor: Visitor | None = None
) -> FastAPI:
    """The app; its ``state.gateway.serving`` must be started on the loop that serves it, which
    its own lifespan does where that runs."""
    gateway = Gateway(workbench, open_here=open_here, visitor=visitor)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await gateway.serving.start()
        try:
            yield
        finally:
            await gateway.serving.close()

    app = _App(
        title="Prompt gateway", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.gateway = gateway
    for address in ADDRESSES:
        endpoint = Endpoint(
            address.route, address.handler, address.shape, address.scope, session=address.session
        )
        for path in address.paths:
            app.router.routes.append(Route(path, endpoint, methods=[address.method]))
            app.known[address.method, path] = endpoint
    description = openapi(ADDRESSES, app.title, VERSION)
    app.openapi = lambda: description  # type: ignore[method-assign]
    app.router.default = _nothing_here
    app.router.redirect_slashes = False
    app.add_exception_handler(405, _wrong_method)
    return app


class _App(FastAPI):
    """Calls an address without parameters at once: what FastAPI does around each request costs
    as much as the gateway's own work on it, and :class:`Endpoint` needs none of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.known: dict[tuple[str, str], Endpoint] = {}

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        endpoint = None
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            # A redirect would go to whatever host the request names.
            endpoint = self.known.get((method, path)) or self.known.get((method, path.rstrip("/")))
        if endpoint is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await endpoint(scope, receive, send)


async def _nothing_here(scope: ASGIScope, receive: Receive, send: Send) -> None:
    """In the shape that the path's clients expect."""
    endpoint = Endpoint("none", _unknown_path, _shape_of(scope["path"]), None)
    await endpoint(scope, receive, send)


async def _wrong_method(request: Request, error: Exception) -> Response:
    allowed = dict(getattr(error, "headers", None) or {})
    told = _shape_of(request.url.path)(
        WrongMethodError(f"This address takes {allowed.get('Allow', 'other methods')}.")
    )
    return Response(told.body, 405, allowed, told.kind.decode())


def _shape_of(path: str) -> ErrorShape:
    shapes = {"v1": openai_problem, "model": bedrock_problem}
    return shapes.get(path.split("/")[1], problem) if "/" in path else problem


async def _unknown_path(exchange: Exchange) -> Answer:
    raise UnknownNameError("address", exchange.scope["path"], advice="See /openapi.json.")


def serve(host: str, port: int) -> None:
    """Run the gateway alone until stopped. Raises SettingsError where it would be open to a
    network and there is no token that could be asked for."""
    import uvicorn

    workbench = open_workbench()
    try:
        open_here = is_loopback(host)
        if not open_here and not workbench.access_tokens.usable():
            raise SettingsError(
                f"The gateway would listen on {host}, but there is no access token, so that "
                "nobody could call it. Make one with 'prompt-app tokens create NAME', or listen "
                "on 127.0.0.1."
            )
        app = create_gateway(workbench, open_here=open_here)
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=10,
            server_header=False, proxy_headers=False,
        )  # fmt: skip
        sys.setswitchinterval(SWITCH_SECONDS)
        # What is imported by now stays: it need not be looked through again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)
        uvicorn.Server(config).run()
    finally:
        workbench.close()
