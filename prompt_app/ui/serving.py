"""The gateway beside the studio: in the same process, on the same port, over the same store."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from prompt_app.providers.addresses import is_loopback
from prompt_app.settings import Settings
from prompt_app.ui.login import person_of_cookies
from prompt_app.workbench import Workbench

PREFIXES = ("/v1/", "/model/", "/api/openai/", "/api/cache/", "/api/pipeline/", "/test/",
            "/openai/")  # fmt: skip
PATHS = frozenset(
    {"/assessment", "/test", "/get_supported_models", "/get_suppored_models", "/metrics",
     "/get_sample_questions", "/send_inference", "/openapi.json"}
)  # fmt: skip


class GatewayBeside:
    """Takes the gateway's addresses out of the studio's. A mounted app's lifespan does not run,
    so that the studio's own calls :meth:`start` and :meth:`stop`."""

    def __init__(self) -> None:
        self._app: Any = None

    async def start(self, workbench: Workbench, settings: Settings) -> None:
        # Named, not imported: the faces do not see each other.
        gateway = import_module("prompt_app.gateway")
        open_here = is_loopback(settings.host) and not settings.has_login
        self._app = gateway.create_gateway(
            workbench,
            open_here=open_here,
            # Without a login there is no visitor to tell from a stranger.
            visitor=(lambda cookies: person_of_cookies(cookies, workbench))
            if settings.has_login
            else None,
        )
        await self._app.state.gateway.serving.start()

    async def stop(self) -> None:
        if self._app is not None:
            await self._app.state.gateway.serving.close()

    def before(self, studio: ASGIApp) -> ASGIApp:
        """``studio``, with the gateway's addresses answered first."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            ours = scope["type"] == "http" and self._app is not None and takes(scope["path"])
            await (self._app if ours else studio)(scope, receive, send)

        return app


def takes(path: str) -> bool:
    """Whether ``path`` is one of the gateway's."""
    return path.startswith(PREFIXES) or path.rstrip("/") in PATHS
