"""OpenAI's chat completions protocol, on any server that speaks it: OpenAI, Azure, vLLM, Ollama,
a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import orjson
from yarl import URL

from prompt_app.datamodel.model import (
    FinishReason,
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Output,
    Reply,
    TokenUsage,
)
from prompt_app.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextTooLongError,
    EvaluationError,
    MalformedReplyError,
    ModelNotFoundError,
    ProviderError,
    QuotaExhaustedError,
    RequestRefusedError,
    UnsupportedParameterError,
)
from prompt_app.providers.addresses import parse_base_url
from prompt_app.providers.faults import quoted, status_error
from prompt_app.providers.http import (
    HttpResponse,
    Transport,
    deadline,
    decode_json,
    encode_json,
    token_count,
)
from prompt_app.providers.options import ProviderOptions, read_options
from prompt_app.providers.secrets import Once, openai_key
from prompt_app.settings import Settings

# InferenceParameters' names by the protocol's.
PARAMETER_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stop": "stop",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
    "reasoning.effort": "reasoning_effort",
    "n": "num_responses",
}
FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
}
RESERVED = frozenset({"model", "messages", "stream", "stream_options", *PARAMETER_NAMES}) - {
    "top_k"
}
KEY_HINT = (
    "Set OPENAI_API_KEY, or the Secrets Manager secret (OPENAI_SECRET_NAME), to a key that is "
    "valid here and may use this model."
)


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
        self._base_url = (model.base_url or settings.openai_base_url).rstrip("/")
        host = parse_base_url(self._base_url).hostname or ""
        if self._options.azure and not model.base_url and host == "api.openai.com":
            raise EvaluationError(
                f"Model {model.reference}: the option 'azure' needs a base_url, e.g. "
                "https://my-resource.openai.azure.com."
            )
        self._host = host
        self._max_tokens_field = self._options.max_tokens_field or default_max_tokens_field(host)
        # An address that the deployment itself configures is trusted.
        trusted = model.base_url is None or self._base_url == settings.openai_base_url.rstrip("/")
        self._transport = Transport(trusted or settings.allow_private_addresses)
        self._key = Once(lambda: openai_key(self._base_url, self._options.api_key_secret, settings))
        self._headers: dict[str, str] | None = None
        self._urls: dict[str, URL] = {}

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """See :class:`prompt_app.interfaces.Provider`."""
        body = encode_json(request_body(request, self._max_tokens_field))
        async with deadline(timeout, self._host):
            headers = self._headers or await self._make_headers()
            url = self._urls.get(request.model.name) or self._make_url(request.model.name)
            response = await self._transport.post(url, body, headers)
        if response.status != 200:
            raise refusal(response, self._host, request)
        return read_reply(response, self._host, request)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._transport.close()

    async def _make_headers(self) -> dict[str, str]:
        key = await self._key.get()
        headers = {"Content-Type": "application/json"}
        if key and self._options.azure:
            headers["api-key"] = key
        elif key:
            headers["Authorization"] = f"Bearer {key}"
        elif self._options.azure:
            raise AuthenticationError(
                f"There is no key for {self._host}: set it in PROMPT_APP_API_KEYS, or name its "
                "secret in the model's option 'api_key_secret'."
            )
        self._headers = headers
        return headers

    def _make_url(self, name: str) -> URL:
        if not self._options.azure:
            path = "/chat/completions"
        elif self._options.api_version is None:
            path = "/openai/v1/chat/completions"
        else:
            version = quote(self._options.api_version, safe="")
            deployment = quote(name, safe="")
            path = f"/openai/deployments/{deployment}/chat/completions?api-version={version}"
        url = self._urls[name] = URL(self._base_url + path, encoded=True)
        return url


def connect(model: ModelSpec, settings: Settings) -> OpenAIProvider:
    """The entry of the PROVIDERS table."""
    return OpenAIProvider(model, settings)


def default_max_tokens_field(host: str) -> str:
    """OpenAI's and Azure's newer models know only ``max_completion_tokens``; most other servers
    know only the older ``max_tokens``."""
    newer = host.endswith((".openai.com", ".openai.azure.com"))
    return "max_completion_tokens" if newer else "max_tokens"


def request_body(request: GenerationRequest, max_tokens_field: str) -> dict[str, Any]:
    """The request in the protocol's form. Raises UnsupportedParameterError."""
    parameters = request.parameters
    if parameters.top_k is not None:
        raise UnsupportedParameterError(
            "The chat completions protocol has no top_k. A server that takes it all the same "
            "(vLLM, say) gets it by extra: {top_k: ...}.",
            parameter="top_k",
            status=None,
        )
    body: dict[str, Any] = {
        "model": request.model.name,
        "messages": [
            {"role": message.role, "content": message.content} for message in request.messages
        ],
    }
    if parameters.temperature is not None:
        body["temperature"] = parameters.temperature
    if parameters.top_p is not None:
        body["top_p"] = parameters.top_p
    if parameters.max_tokens is not None:
        body[max_tokens_field] = parameters.max_tokens
    if parameters.stop:
        body["stop"] = parameters.stop
    if parameters.seed is not None:
        body["seed"] = parameters.seed
    if parameters.reasoning_effort is not None:
        body["reasoning_effort"] = parameters.reasoning_effort
    if parameters.num_responses > 1:
        body["n"] = parameters.num_responses
    if parameters.extra:
        body.update(checked_extra(parameters, RESERVED))
    return body


def checked_extra(parameters: InferenceParameters, reserved: frozenset[str]) -> dict[str, Any]:
    """``extra``, which may not set what has a place of its own."""
    taken = sorted(reserved & parameters.extra.keys())
    if taken:
        raise UnsupportedParameterError(
            f"extra may not set {', '.join(taken)}: use the parameter or field of its own.",
            parameter="extra",
            status=None,
        )
    return parameters.extra


def read_reply(response: HttpResponse, host: str, request: GenerationRequest) -> Reply:
    """The reply in a successful response. Raises MalformedReplyError unless it is whole."""
    data = decode_json(response, host)
    request_id = response.headers.get("x-request-id") or response.headers.get("apim-request-id")
    if not isinstance(data, dict):
        raise _malformed(host, "it is no JSON object", request_id)
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        if isinstance(data.get("error"), dict):
            raise _error_inside(response, data["error"], host, request)
        raise _malformed(host, "it holds no choices", request_id)
    wanted = request.parameters.num_responses
    if len(choices) != wanted:
        raise UnsupportedParameterError(
            f"{host} gave {len(choices)} instead of {wanted} responses: this server does not take "
            "num_responses.",
            parameter="num_responses",
            status=response.status,
            request_id=request_id,
        )
    model = data.get("model")
    return Reply(
        outputs=tuple(_output(choice, host, request_id) for choice in choices),
        usage=read_usage(data.get("usage")),
        latency_seconds=response.seconds,
        request_id=request_id or _text_or_none(data.get("id")),
        model=_text_or_none(model),
        raw=data,
    )


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _malformed(host: str, what: str, request_id: str | None) -> MalformedReplyError:
    return MalformedReplyError(
        f"The answer of {host} is not as the protocol says: {what}.",
        status=200,
        request_id=request_id,
    )


def _output(choice: Any, host: str, request_id: str | None) -> Output:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise _malformed(host, "a choice holds no message", request_id)
    finish = choice.get("finish_reason")
    if finish == "error":
        raise _malformed(host, "the generation broke off", request_id)
    refused = message.get("refusal")
    if isinstance(refused, str) and refused:
        return Output(text=refused, finish_reason="content_filter")
    content = message.get("content")
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        content = "".join(part for part in parts if isinstance(part, str))
    if content is not None and not isinstance(content, str):
        raise _malformed(host, "a message's content is no text", request_id)
    return Output(text=content or "", finish_reason=FINISH_REASONS.get(finish, "other"))


def read_usage(usage: Any) -> TokenUsage:
    """Token counts, cached and reasoning tokens apart and inside input and output.

    Some servers leave the reasoning tokens out of ``completion_tokens``; their total shows it.
    """
    if not isinstance(usage, dict):
        return TokenUsage()
    prompt = token_count(usage.get("prompt_tokens"))
    output = token_count(usage.get("completion_tokens"))
    of_prompt = usage.get("prompt_tokens_details") or {}
    of_output = usage.get("completion_tokens_details") or {}
    cached = token_count(of_prompt.get("cached_tokens") or usage.get("prompt_cache_hit_tokens"))
    written = token_count(of_prompt.get("cache_write_tokens"))
    reasoning = token_count(of_output.get("reasoning_tokens"))
    if reasoning and token_count(usage.get("total_tokens")) == prompt + output + reasoning:
        output += reasoning
    cached = min(cached, prompt)
    return TokenUsage(
        input=prompt,
        output=output,
        cached_input=cached,
        cache_write=min(written, prompt - cached),
        reasoning=min(reasoning, output),
    )


def _error_inside(
    response: HttpResponse, error: Mapping[str, Any], host: str, request: GenerationRequest
) -> ProviderError:
    """Gateways report an error of the server behind them with status 200."""
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    inner = HttpResponse(status, response.headers, response.body, response.seconds)
    return refusal(inner, host, request)


def refusal(response: HttpResponse, host: str, request: GenerationRequest) -> ProviderError:
    """The error that a response other than 200 means."""
    message, code, parameter = _problem(response.body)
    request_id = response.headers.get("x-request-id") or response.headers.get("apim-request-id")
    told = f"{host} refused the request: {quoted(message)}"
    status = response.status
    if code in ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"):
        return QuotaExhaustedError(
            f"The quota at {host} is used up: {quoted(message)}",
            status=status,
            request_id=request_id,
        )
    if code in ("model_not_found", "DeploymentNotFound", "invalid_model"):
        return ModelNotFoundError(
            f"{host} has no model {request.model.name!r}, or this key may not use it: "
            f"{quoted(message)}",
            status=status,
            request_id=request_id,
        )
    exact: type[RequestRefusedError] | None = None
    if code in ("context_length_exceeded", "string_above_max_length"):
        exact = ContextTooLongError
    elif code in ("content_filter", "content_policy_violation", "invalid_prompt"):
        exact = ContentFilteredError
    elif status == 429 and message.startswith("Request too large"):
        # Larger than a whole minute's allowance: no wait will make it fit.
        exact = RequestRefusedError
    if exact is not None:
        return exact(told, status=status, request_id=request_id)
    if status in (400, 422) and (name := _unsupported(message, code, parameter, request)):
        return UnsupportedParameterError(told, parameter=name, status=status, request_id=request_id)
    return status_error(
        status,
        message,
        headers=response.headers,
        host=host,
        request_id=request_id,
        credentials_hint=KEY_HINT,
    )


def _problem(body: bytes) -> tuple[str, str, str]:
    """Message, code and parameter of an error body; each may be empty."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", "", ""
    error = data.get("error", data) if isinstance(data, dict) else data
    if not isinstance(error, dict):
        return str(error), "", ""
    message = error.get("message") or error.get("detail") or ""
    code = error.get("code") or error.get("type") or ""
    return str(message), str(code), str(error.get("param") or "")


UNSUPPORTED_PHRASES = (
    "unsupported",
    "not supported",
    "does not support",
    "unrecognized",
    "unknown",
    "not permitted",
    "extra inputs",
    "cannot both be specified",
)


def _unsupported(message: str, code: str, parameter: str, request: GenerationRequest) -> str | None:
    """The InferenceParameters field that a refusal is about, where it is about one."""
    lowered = message.lower()
    exact = code in ("unsupported_parameter", "unsupported_value", "unknown_parameter")
    if not exact and not any(phrase in lowered for phrase in UNSUPPORTED_PHRASES):
        return None
    extra = request.parameters.extra
    if parameter:
        if parameter.partition(".")[0] in extra or parameter in extra:
            return "extra"
        return PARAMETER_NAMES.get(parameter)
    words = set(lowered.replace("'", " ").replace("`", " ").replace('"', " ").split())
    words = {word.strip(".,:;()[]") for word in words}
    sent = request.parameters.given()
    for wire, name in PARAMETER_NAMES.items():
        if wire in words and (name in sent):
            return name
    return "extra" if any(name.lower() in words for name in extra) else None
