"""Which providers can be called with what is configured, as far as that shows without a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import PromptAppError
from prompt_app.providers.catalogue import check_access
from prompt_app.providers.reachability import check_reachable
from prompt_app.settings import Settings

PROVIDERS = {
    "openai": "OpenAI",
    "bedrock": "Amazon Bedrock",
    "sagemaker": "Amazon SageMaker",
    "offline": "Offline models",
}


@dataclass(frozen=True, slots=True)
class Connection:
    """``state`` is "ready" where credentials are there; whether they are good only a call
    shows."""

    provider: str
    title: str
    state: Literal["ready", "missing"]
    explanation: str


def list_connections(settings: Settings) -> list[Connection]:
    """One a provider. Asks the AWS credential chain and Secrets Manager, and may take seconds."""
    return [_connection(provider, settings) for provider in PROVIDERS]


def _connection(provider: str, settings: Settings) -> Connection:
    title = PROVIDERS[provider]
    model = ModelSpec(provider=provider, name="any", region=None)
    try:
        if provider != "offline":
            check_access(model, settings)
            check_reachable(model, settings)
    except PromptAppError as error:
        return Connection(provider, title, "missing", str(error))
    return Connection(provider, title, "ready", _where(provider, settings))


def _where(provider: str, settings: Settings) -> str:
    if provider == "openai":
        others = ", ".join(sorted(settings.api_keys))
        also = f" Keys of other servers: {others}." if others else ""
        return f"There is a key, for {settings.openai_base_url}.{also}"
    if provider == "offline":
        return "They are part of the app and need neither key nor network."
    kind = "a Bedrock API key" if provider == "bedrock" and settings.bedrock_api_key else ""
    region = f", in {settings.aws_region}" if settings.aws_region else ""
    return f"There are {kind or 'AWS credentials'}{region}.".replace("are a ", "is a ")
