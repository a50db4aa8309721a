"""OpenAI's protocol, chat completions and embeddings, on any server that speaks it: OpenAI, Azure,
vLLM, Ollama, a gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal
from urllib.parse import quote

from yarl import URL

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest
from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Reply, ReplyEvent
from prompt_app.errors import AuthenticationError, EvaluationError
from prompt_app.providers import openai_embeddings
from prompt_app.providers.addresses import parse_base_url, server_name
from prompt_app.providers.http import HttpResponse, Transport, deadline, encode_json
from prompt_app.providers.openai_stream import read_stream
from prompt_app.providers.openai_wire import read_reply, refusal, request_body
from prompt_app.providers.options import ProviderOptions, read_options
from prompt_app.providers.secrets import Once, openai_key, origin
from prompt_app.settings import Settings


class OpenAIOptions(ProviderOptions):
    """What a model of this provider may set in ``options``."""

    azure: bool = False
    """The server is Azure OpenAI: ``name`` is the deployment, the key goes into ``api-key``."""
    api_version: str | None = None
    """Azure's dated API; its versionless API when absent."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    """What the server calls it; told by the address when absent."""
    api_key_secret: str | None = None
    """Secrets Manager secret with the key for this server."""


class OpenAIProvider:
    """One connection: a server and the key for it."""

    def __init__(self, model: ModelSpec, settings: Settings) -> None:
        """Uses only ``base_url`` and ``options`` of ``model``. Raises EvaluationError or
        InputError for wrong ones; looks up neither host nor key yet."""
        self._options = read_options(model, OpenAIOptions)
        base_url = model.base_url or settings.openai_base_url
        host = parse_base_url(base_url).hostname or ""
        self._base_url = str(URL(base_url)).rstrip("/")
        if self._options.azure and not model.base_url and host == "api.openai.com":
            raise EvaluationError(
                f"Model {model.reference}: the option 'azure' needs a base_url, e.g. "
                "https://my-resource.openai.azure.com."
            )
        self._host = server_name(base_url)
        self._max_tokens_field = self._options.max_tokens_field or default_max_tokens_field(host)
        # An address that the deployment itself configures is trusted.
        trusted = base_url == settings.openai_base_url
        self._transport = Transport(trusted or settings.allow_private_addresses)
        self._key = Once(lambda: openai_key(self._base_url, self._options.api_key_secret, settings))
        self._headers: dict[str, str] | None = None
        self._urls: dict[tuple[str, str], URL] = {}

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """See :class:`prompt_app.interfaces.Provider`."""
        body = encode_json(request_body(request, self._max_tokens_field))
        response = await self._post("chat/completions", request.model.name, body, timeout)
        if response.status != 200:
            raise refusal(response, self._host, request)
        return read_reply(response, self._host, request)

    async def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """See :class:`prompt_app.interfaces.Provider`."""
        body = request_body(request, self._max_tokens_field)
        body.update(stream=True, stream_options={"include_usage": True})
        data = encode_json(body)
        async with deadline(timeout, self._host):
            headers = self._headers or await self._make_headers()
        url = self._url(request.model.name, "chat/completions")
        parts = self._transport.stream(url, data, headers, timeout)
        async with aclosing(read_stream(parts, self._host, request)) as events:
            async for event in events:
                yield event

    async def embed(self, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
        """See :class:`prompt_app.interfaces.embedding.Embedder`."""
        body = encode_json(openai_embeddings.request_body(request))
        response = await self._post("embeddings", request.model.name, body, timeout)
        if response.status != 200:
            raise refusal(response, self._host, request)
        return openai_embeddings.read_reply(response, self._host, request)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._transport.close()

    async def _post(self, path: str, model: str, body: bytes, timeout: float) -> HttpResponse:
        async with deadline(timeout, self._host):
            headers = self._headers or await self._make_headers()
            return await self._transport.post(self._url(model, path), body, headers)

    async def _make_headers(self) -> dict[str, str]:
        key = await self._key.get()
        headers = {"Content-Type": "application/json"}
        if key and self._options.azure:
            headers["api-key"] = key
        elif key:
            headers["Authorization"] = f"Bearer {key}"
        elif self._options.azure:
            raise _no_azure_key(self._host)
        self._headers = headers
        return headers

    def _url(self, name: str, path: str) -> URL:
        known = self._urls.get((name, path))
        if known is not None:
            return known
        if not self._options.azure:
            place = f"/{path}"
        elif self._options.api_version is None:
            place = f"/openai/v1/{path}"
        else:
            version = quote(self._options.api_version, safe="")
            deployment = quote(name, safe="")
            place = f"/openai/deployments/{deployment}/{path}?api-version={version}"
        url = self._urls[name, path] = URL(self._base_url + place, encoded=True)
        return url


def connect(model: ModelSpec, settings: Settings) -> OpenAIProvider:
    """The entry of the PROVIDERS table."""
    return OpenAIProvider(model, settings)


def body_of(request: GenerationRequest, settings: Settings) -> dict[str, Any]:
    """The entry of the BODIES table."""
    options = read_options(request.model, OpenAIOptions)
    host = parse_base_url(request.model.base_url or settings.openai_base_url).hostname or ""
    return request_body(request, options.max_tokens_field or default_max_tokens_field(host))


def default_max_tokens_field(host: str) -> str:
    """OpenAI's and Azure's newer models know only ``max_completion_tokens``; most other servers
    know only the older ``max_tokens``."""
    newer = host.endswith((".openai.com", ".openai.azure.com"))
    return "max_completion_tokens" if newer else "max_tokens"


def check_access(model: ModelSpec, settings: Settings) -> None:
    """Raise AuthenticationError where a key is needed and there is none. May block on Secrets
    Manager."""
    options = read_options(model, OpenAIOptions)
    base_url = model.base_url or settings.openai_base_url
    key = openai_key(base_url, options.api_key_secret, settings)
    if options.azure and not key:
        raise _no_azure_key(origin(base_url)[1])


def _no_azure_key(host: str) -> AuthenticationError:
    return AuthenticationError(
        f"There is no key for {host}: set it in PROMPT_APP_API_KEYS, or name its secret in the "
        "model's option 'api_key_secret'."
    )
