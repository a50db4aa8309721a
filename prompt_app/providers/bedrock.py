"""Amazon Bedrock: every text model and inference profile of the Converse API, and the embedding
models of InvokeModel, signed by botocore or with a Bedrock API key, over the shared transport."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote

from yarl import URL

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest, ModelRequest
from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Reply, ReplyEvent
from prompt_app.providers import bedrock_embeddings
from prompt_app.providers.addresses import parse_base_url, server_name
from prompt_app.providers.aws import (
    JSON_HEADERS,
    AwsAccess,
    Signer,
    checked_region,
    is_aws_host,
    load_access,
)
from prompt_app.providers.bedrock_stream import read_stream
from prompt_app.providers.bedrock_wire import read_reply, refusal, request_body
from prompt_app.providers.dividing import (
    answer_all,
    embedding_requests,
    merged,
    single_requests,
)
from prompt_app.providers.embedding import joined
from prompt_app.providers.http import Transport, deadline, encode_json
from prompt_app.providers.options import read_options
from prompt_app.providers.profiles import BedrockOptions
from prompt_app.providers.secrets import Once, checked_key, origin
from prompt_app.providers.streaming import in_one_piece
from prompt_app.settings import Settings

One = TypeVar("One")


class BedrockProvider:
    """One connection: a region's runtime endpoint and who signs for it."""

    def __init__(self, model: ModelSpec, settings: Settings) -> None:
        """Uses only ``base_url``, ``region`` and ``options`` of ``model``. Looks up neither host
        nor credentials yet. Raises EvaluationError or InputError for wrong ones."""
        read_options(model, BedrockOptions)
        endpoint = model.base_url or settings.bedrock_endpoint_url
        if endpoint is not None:
            parse_base_url(endpoint)
        region = checked_region(model.region) if model.region is not None else None
        key = bedrock_key(endpoint, settings)
        self._key_headers = {**JSON_HEADERS, "Authorization": f"Bearer {key}"} if key else None
        self._access = Once(
            lambda: load_access("bedrock-runtime", region, endpoint, settings, signed=not key)
        )
        self._signer: Signer | None = None
        self._endpoint: str | None = None
        self._host = "Bedrock"
        trusted = model.base_url is None or model.base_url == settings.bedrock_endpoint_url
        self._transport = Transport(trusted or settings.allow_private_addresses)

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """See :class:`prompt_app.interfaces.Provider`.

        Converse gives one response a request, so ``num_responses`` are that many requests at
        once, each with the whole prompt; their usage is summed. :class:`Retrying` asks for one
        at a time, so that each has a slot and tries of its own.
        """
        requests = single_requests(request)
        body = encode_json(request_body(requests[0]))
        async with deadline(timeout, self._host):
            if self._endpoint is None:
                self._use(await self._access.get())
            return merged(await answer_all(requests, lambda one: self._converse(one, body)))

    async def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """See :class:`prompt_app.interfaces.Provider`. Several responses come each in one piece."""
        if request.parameters.num_responses > 1:
            events = in_one_piece(self.generate(request, timeout))
        else:
            events = self._stream(request, timeout)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        body = encode_json(request_body(request))
        async with deadline(timeout, self._host):
            if self._endpoint is None:
                self._use(await self._access.get())
            url, headers = await self._address(request, body, "converse-stream")
        parts = self._transport.stream(url, body, headers, timeout)
        async with aclosing(read_stream(parts, self._host, request)) as events:
            async for event in events:
                yield event

    async def embed(self, request: EmbeddingRequest, timeout: float) -> EmbeddingReply:
        """See :class:`prompt_app.interfaces.embedding.Embedder`. Titan takes one text a call and
        Cohere 96: more of them are that many calls at once."""
        parts = embedding_requests(request)
        async with deadline(timeout, self._host):
            if self._endpoint is None:
                self._use(await self._access.get())
            return joined(await answer_all(parts, self._embed))

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._transport.close()

    def _use(self, access: AwsAccess) -> None:
        self._host = server_name(access.endpoint) or "Bedrock"
        if access.credentials is not None:
            self._signer = Signer(access.credentials, "bedrock", access.region)
        self._endpoint = access.endpoint

    async def _converse(self, request: GenerationRequest, body: bytes) -> Reply:
        url, headers = await self._address(request, body, "converse")
        response = await self._transport.post(url, body, headers)
        if response.status != 200:
            raise refusal(response, self._host, request)
        return read_reply(response, self._host, request.model.name)

    async def _embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        body = encode_json(bedrock_embeddings.request_body(request))
        url, headers = await self._address(request, body, "invoke")
        response = await self._transport.post(url, body, headers)
        if response.status != 200:
            raise refusal(response, self._host, request)
        return bedrock_embeddings.read_reply(response, self._host, request)

    async def _address(
        self, request: ModelRequest, body: bytes, operation: str
    ) -> tuple[URL, Mapping[str, str]]:
        """Where to send ``body``, and the headers that admit it."""
        url = f"{self._endpoint}/model/{quote(request.model.name, safe='')}/{operation}"
        headers: Mapping[str, str] = self._key_headers or JSON_HEADERS
        if self._signer is not None:
            headers = await self._signer.headers(url, body, JSON_HEADERS)
        return URL(url, encoded=True), headers


def connect(model: ModelSpec, settings: Settings) -> BedrockProvider:
    """The entry of the PROVIDERS table."""
    return BedrockProvider(model, settings)


def body_of(request: GenerationRequest, settings: Settings) -> dict[str, Any]:
    """The entry of the BODIES table."""
    return request_body(request)


def bedrock_key(endpoint: str | None, settings: Settings) -> str | None:
    """The Bedrock API key, if one is set and ``endpoint`` (AWS's own when None) may have it: AWS
    over https, or the server that AWS_ENDPOINT_URL_BEDROCK_RUNTIME names. Another server's
    requests are signed instead, which gives no secret away."""
    if settings.bedrock_api_key is None:
        return None
    if endpoint is not None and not _may_have_key(endpoint, settings):
        return None
    return checked_key(settings.bedrock_api_key.get_secret_value(), "AWS_BEARER_TOKEN_BEDROCK")


def _may_have_key(endpoint: str, settings: Settings) -> bool:
    configured = settings.bedrock_endpoint_url
    if configured is not None and origin(endpoint) == origin(configured):
        return True
    scheme, host, _ = origin(endpoint)
    return scheme == "https" and is_aws_host(host)


def check_access(model: ModelSpec, settings: Settings) -> None:
    """Raise AuthenticationError where nothing could sign a request. Blocks."""
    endpoint = model.base_url or settings.bedrock_endpoint_url
    key = bedrock_key(endpoint, settings)
    load_access("bedrock-runtime", model.region, endpoint, settings, signed=not key)
