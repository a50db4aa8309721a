"""The studio's server: one ASGI app, started by ``streamlit run`` on this file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import streamlit as st
from anyio.to_thread import run_sync
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from prompt_app.logs import configure_logging
from prompt_app.settings import load_settings
from prompt_app.ui.auth_routes import auth_routes
from prompt_app.ui.components.errors import show_error
from prompt_app.ui.download_route import download_route
from prompt_app.ui.headers import SecurityHeaders, trusted_hosts
from prompt_app.ui.login import login_secrets
from prompt_app.ui.serving import GatewayBeside
from prompt_app.ui.state import shared_workbench
from prompt_app.ui.upload_route import upload_route
from prompt_app.workbench import Workbench


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Open the store before the first visitor comes, so that a wrong setting stops the start."""
    configure_logging(settings)
    opened = await run_sync(shared_workbench)
    await gateway.start(opened, settings)
    Thread(target=_warm_up, args=(opened,), daemon=True).start()
    yield {}
    await gateway.stop()
    opened.close()


def _warm_up(opened: Workbench) -> None:
    """Import what the first visitor would wait for: tables, charts, metrics and prices."""
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    opened.list_metrics()
    opened.list_models()


settings = load_settings()
gateway = GatewayBeside()
app = st.App(
    Path(__file__).with_name("main.py"),
    secrets=login_secrets(settings),
    lifespan=lifespan,
    routes=[*auth_routes(settings), download_route(), upload_route(settings)],
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=trusted_hosts(settings)),
        Middleware(SecurityHeaders, settings=settings),
        Middleware(gateway.before),
    ],
    on_script_error=show_error,
)
