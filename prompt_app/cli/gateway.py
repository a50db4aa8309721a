"""``prompt-app gateway``."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from prompt_app.cli.plain import AsJson, announce

DEFAULT_PORT = 8600


def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = DEFAULT_PORT,
    as_json: AsJson = False,
) -> None:
    """Serve models, prompts and pipelines over HTTP, without the studio.

    On this machine alone (the default address) no token is needed; elsewhere every call needs
    one.
    """
    from prompt_app.logs import configure_logging
    from prompt_app.settings import load_settings

    configure_logging(load_settings())
    if as_json:
        announce(url=f"http://{host}:{port}")
    # Named, not imported: the faces do not see each other.
    import_module("prompt_app.gateway").serve(host, port)
