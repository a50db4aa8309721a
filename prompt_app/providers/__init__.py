"""Model providers: one table, one way to connect.

A new provider is one module with ``connect(model, settings) -> Provider`` and one line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prompt_app.datamodel.base import content_hash
from prompt_app.registry import Registry

if TYPE_CHECKING:
    from prompt_app.datamodel.model import GenerationRequest, ModelSpec
    from prompt_app.interfaces import Provider
    from prompt_app.settings import Settings

PROVIDERS = Registry(
    "provider",
    {
        "bedrock": "prompt_app.providers.bedrock:connect",
        "offline": "prompt_app.providers.offline:connect",
        "openai": "prompt_app.providers.openai:connect",
        "sagemaker": "prompt_app.providers.sagemaker:connect",
    },
)

BODIES = Registry(
    "provider",
    {
        "bedrock": "prompt_app.providers.bedrock:body_of",
        "openai": "prompt_app.providers.openai:body_of",
        "sagemaker": "prompt_app.providers.sagemaker:body_of",
    },
)


def connection_key(model: ModelSpec) -> str:
    """Equal for models that one connection serves: same provider, server, region and options."""
    return content_hash([model.provider, model.base_url, model.region, model.options])


def connect(model: ModelSpec, settings: Settings) -> Provider:
    """A raw connection: one attempt a call, no limit, no cache. It serves every model with the
    same :func:`connection_key`.

    Raises UnknownNameError for a provider that is not in the table, and InputError where
    the settings or the model's options do not suffice to connect.
    """
    provider: Provider = PROVIDERS.load(model.provider)(model, settings)
    return provider


def request_body(request: GenerationRequest, settings: Settings) -> dict[str, Any]:
    """The JSON that a call with ``request`` sends; for an offline model the request itself.

    Raises InputError as :func:`connect`, UnsupportedParameterError for what would not be sent.
    """
    if request.model.provider not in BODIES:
        return request.model_dump(mode="json", exclude_defaults=True)
    body: dict[str, Any] = BODIES.load(request.model.provider)(request, settings)
    return body
