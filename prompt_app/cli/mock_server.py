"""``prompt-app mock-server``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.plain import AsJson, announce
from prompt_app.errors import InputError


def mock_server(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8089,
    latency_ms: Annotated[float, typer.Option(min=0, help="Time to an answer.")] = 0,
    p_429: Annotated[float, typer.Option(min=0, max=1, help="Chance of a 429.")] = 0,
    p_500: Annotated[float, typer.Option(min=0, max=1, help="Chance of a 500.")] = 0,
    requests_per_second: Annotated[
        float | None, typer.Option(min=0.001, help="Requests above this rate get a 429.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other option as NAME=VALUE, e.g. p_hang=0.01."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the offline models over the OpenAI, Bedrock and SageMaker protocols.

    Options can be changed while it runs: POST them as JSON to /_control; GET /_control shows
    them all, GET /_control/stats what was counted.
    """
    from pydantic import ValidationError

    from prompt_app.providers.mock_server import MockServerOptions, run_mock_server

    given: dict[str, object] = {
        "latency_ms": latency_ms,
        "p_429": p_429,
        "p_500": p_500,
        "requests_per_second": requests_per_second,
    }
    for setting in settings or ():
        name, separator, value = setting.partition("=")
        if not separator or name not in MockServerOptions.model_fields:
            known = ", ".join(MockServerOptions.model_fields)
            raise InputError(f"--set {setting}: write NAME=VALUE with a name of: {known}.")
        given[name] = tuple(value.split(",")) if name in {"models", "unsupported"} else value
    try:
        options = MockServerOptions.model_validate(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise InputError(f"--set {problem['loc'][0]}: {problem['msg']}.") from None
    try:
        ready = (lambda url: announce(url=url)) if as_json else None
        run_mock_server(options, host, port, ready)
    except OSError as error:
        raise InputError(
            f"Cannot listen on {host}:{port} ({error.strerror}). Choose another --port."
        ) from None
