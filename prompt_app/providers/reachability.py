"""Whether a model's server answers at all: a connection, and nothing sent."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import EvaluationError
from prompt_app.providers.aws import own_endpoint
from prompt_app.settings import Settings

CONNECT_SECONDS = 5.0


def check_reachable(model: ModelSpec, settings: Settings) -> None:
    """Connect to the address that ``model`` is called at.

    Raises EvaluationError with the address and what to look at.
    """
    url = model.base_url or _url(model, settings)
    if url is None:
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS):
            return
    except OSError as error:
        raise EvaluationError(
            f"No server answers at {parts.scheme}://{host}:{port}, where {model.reference} is "
            f"called ({error.strerror or error}). Is it running, and is the address right?"
        ) from None


def _url(model: ModelSpec, settings: Settings) -> str | None:
    if model.provider == "bedrock":
        own = settings.bedrock_endpoint_url
        return own or own_endpoint("bedrock-runtime", model.region, settings)
    if model.provider == "sagemaker":
        own = settings.sagemaker_endpoint_url
        return own or own_endpoint("sagemaker-runtime", model.region, settings)
    return settings.openai_base_url if model.provider == "openai" else None
