"""Puts the gateway together: one FastAPI app over one Serving."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from prompt_app.errors import SettingsError, UnknownNameError
from prompt_app.gateway.answers import Answer
from prompt_app.gateway.core import Gateway, Visitor
from prompt_app.gateway.errors import problem
from prompt_app.gateway.exchange import Endpoint, Exchange
from prompt_app.gateway.openapi import openapi
from prompt_app.gateway.routes import ADDRESSES
from prompt_app.providers.addresses import is_loopback
from prompt_app.workbench import Workbench, open_workbench

VERSION = "1"
"""Of the HTTP API."""
SWITCH_SECONDS = 0.0005
"""So that a thread that writes the books does not hold up the loop for Python's usual 5 ms."""
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

    app = FastAPI(
        title="Prompt gateway", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.gateway = gateway
    for address in ADDRESSES:
        endpoint = Endpoint(
            address.route, address.handler, address.shape, address.scope, session=address.session
        )
        for path in address.paths:
            app.router.routes.append(Route(path, endpoint, methods=[address.method]))
    description = openapi(ADDRESSES, app.title, VERSION)
    app.openapi = lambda: description  # type: ignore[method-assign]
    app.router.default = _nothing_here
    return app


async def _nothing_here(scope: ASGIScope, receive: Receive, send: Send) -> None:
    """In the errors' one shape, for paths and methods that there are not."""
    endpoint = Endpoint("none", _unknown_path, problem, None)
    await endpoint(scope, receive, send)


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
            server_header=False,
        )  # fmt: skip
        sys.setswitchinterval(SWITCH_SECONDS)
        uvicorn.Server(config).run()
    finally:
        workbench.close()
