"""The chat completions protocol: requests, replies and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from prompt_app.datamodel.embedding import ModelRequest
from prompt_app.datamodel.model import (
    FinishReason,
    GenerationRequest,
    InferenceParameters,
    Output,
    Reply,
    TokenUsage,
)
from prompt_app.errors import (
    ContentFilteredError,
    ContextTooLongError,
    MalformedReplyError,
    ModelNotFoundError,
    ProviderError,
    QuotaExhaustedError,
    RequestRefusedError,
    UnsupportedParameterError,
)
from prompt_app.providers.faults import (
    named_parameter,
    quoted,
    says_unsupported,
    status_error,
)
from prompt_app.providers.http import HttpResponse, decode_json, request_id_of, token_count
from prompt_app.providers.rich import openai_messages

# InferenceParameters' names by the protocol's.
PARAMETER_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
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
QUOTA_HINT = "Raise it or add credit there, then resume."
KEY_HINT = (
    "Set OPENAI_API_KEY, or the Secrets Manager secret (OPENAI_SECRET_NAME), to a key that is "
    "valid here and may use this model."
)


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
        "messages": openai_messages(request.messages),
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
    request_id = request_id_of(response)
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
    of_prompt = _details(usage, "prompt_tokens_details")
    of_output = _details(usage, "completion_tokens_details")
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


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return found if isinstance(found, dict) else {}


def _error_inside(
    response: HttpResponse, error: Mapping[str, Any], host: str, request: GenerationRequest
) -> ProviderError:
    """Gateways report an error of the server behind them with status 200."""
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    inner = HttpResponse(status, response.headers, response.body, response.seconds)
    return refusal(inner, host, request)


def refusal(response: HttpResponse, host: str, request: ModelRequest) -> ProviderError:
    """The error that a response other than 200 means."""
    message, code, parameter = _problem(response.body)
    request_id = request_id_of(response)
    told = f"{host} refused the request: {quoted(message)}"
    status = response.status
    if code in ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"):
        return QuotaExhaustedError(
            f"The quota at {host} is used up: {quoted(message).rstrip('.')}. {QUOTA_HINT}",
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


def _unsupported(message: str, code: str, parameter: str, request: ModelRequest) -> str | None:
    """The InferenceParameters field that a refusal is about, where it is about one."""
    exact = code in ("unsupported_parameter", "unsupported_value", "unknown_parameter")
    if not exact and not says_unsupported(message):
        return None
    extra = request.parameters.extra
    if parameter in extra or parameter.partition(".")[0] in extra:
        return "extra"
    return PARAMETER_NAMES.get(parameter) or named_parameter(
        message, PARAMETER_NAMES, request.parameters
    )
