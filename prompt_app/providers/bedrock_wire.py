"""The Converse API's requests, replies and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    UnsupportedParameterError,
)
from prompt_app.providers.aws import aws_error, aws_problem
from prompt_app.providers.bedrock_families import family_of
from prompt_app.providers.faults import (
    named_parameter,
    quoted,
    says_content_filtered,
    says_context_too_long,
    says_unsupported,
)
from prompt_app.providers.http import HttpResponse, decode_json, request_id_of, token_count
from prompt_app.providers.rich import (
    converse_format,
    converse_messages,
    converse_tools,
    without_translated,
)

FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_use",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
}
# InferenceParameters' names by those that refusals use.
PARAMETER_NAMES = {
    "maxTokens": "max_tokens",
    "max_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "stopSequences": "stop",
    "stop_sequences": "stop",
    "stop": "stop",
    "reasoning_effort": "reasoning_effort",
    "reasoningConfig": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "thinking": "reasoning_effort",
    "output_config": "reasoning_effort",
    "effort": "reasoning_effort",
    "temperature": "temperature",
    "topP": "top_p",
    "top_p": "top_p",
    "topK": "top_k",
    "top_k": "top_k",
    "k": "top_k",
}
CREDENTIALS_HINT = (
    "Check the AWS profile or role (it needs bedrock:InvokeModel for this model), and that the "
    "account has access to the model in this region."
)


def request_body(request: GenerationRequest) -> dict[str, Any]:
    """The request in Converse's form. Raises UnsupportedParameterError."""
    parameters = request.parameters
    body: dict[str, Any] = {"messages": converse_messages(request.messages)}
    system = [{"text": item.content} for item in request.messages if item.role == "system"]
    if system:
        body["system"] = system
    if config := _inference_config(parameters):
        body["inferenceConfig"] = config
    if fields := _model_fields(request.model.name, parameters):
        body["additionalModelRequestFields"] = fields
    if tools := converse_tools(parameters.extra):
        body["toolConfig"] = tools
    if shape := converse_format(parameters.extra):
        body["outputConfig"] = shape
    return body


def _inference_config(parameters: InferenceParameters) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if parameters.max_tokens is not None:
        config["maxTokens"] = parameters.max_tokens
    if parameters.temperature is not None:
        if parameters.temperature > 1:
            raise _not_taken("temperature", "Bedrock takes a temperature from 0 to 1.")
        config["temperature"] = parameters.temperature
    if parameters.top_p is not None:
        config["topP"] = parameters.top_p
    if parameters.stop:
        config["stopSequences"] = parameters.stop
    return config


def _model_fields(name: str, parameters: InferenceParameters) -> dict[str, Any]:
    family = family_of(name)
    fields: dict[str, Any] = {}
    if parameters.seed is not None:
        raise _not_taken("seed", "Bedrock's Converse API has no seed.")
    if parameters.top_k is not None:
        if family.top_k is None:
            raise _not_taken("top_k", f"{name} has no known field for top_k. {_BY_EXTRA}")
        fields.update(family.top_k(parameters.top_k))
    effort = parameters.reasoning_effort
    if effort is not None:
        if family.effort is None:
            raise _not_taken("reasoning_effort", f"{name} has no known field for it. {_BY_EXTRA}")
        if effort not in family.efforts:
            known = ", ".join(sorted(family.efforts))
            raise _not_taken(
                "reasoning_effort", f"{name} does not take {effort!r}, but only {known}."
            )
        fields.update(family.effort(effort))
    for key, value in without_translated(parameters.extra).items():
        given = fields.get(key)
        if isinstance(given, dict) and isinstance(value, dict):
            fields[key] = {**given, **value}
        elif key in fields:
            raise _not_taken("extra", f"extra sets {key!r} a second time.")
        else:
            fields[key] = value
    return fields


_BY_EXTRA = "If the model takes it, give its own field by 'extra'."


def _not_taken(parameter: str, why: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(f"{parameter}: {why}", parameter=parameter, status=None)


def read_reply(response: HttpResponse, host: str, name: str) -> Reply:
    """The reply in a successful response. Raises MalformedReplyError unless it is whole."""
    data = decode_json(response, host)
    request_id = request_id_of(response)
    try:
        content = data["output"]["message"]["content"]
        reason = data["stopReason"]
        text = "".join(_text_of(block) for block in content)
    except (KeyError, TypeError, AttributeError):
        raise MalformedReplyError(
            f"The answer of {host} is not as the Converse API says.",
            status=response.status,
            request_id=request_id,
        ) from None
    finish = FINISH_REASONS.get(reason, "other") if isinstance(reason, str) else "other"
    return Reply(
        outputs=(Output(text=text, finish_reason=finish),),
        usage=read_usage(data.get("usage")),
        latency_seconds=response.seconds,
        request_id=request_id,
        model=name,
        raw=data,
    )


def _text_of(block: Mapping[str, Any]) -> str:
    """A block's text; none for reasoning and tool calls, which stay in the raw reply."""
    if "text" in block:
        text = block["text"]
    elif "citationsContent" in block:
        text = "".join(part["text"] for part in block["citationsContent"]["content"])
    else:
        text = ""
    if not isinstance(text, str):
        raise TypeError(text)
    return text


def read_usage(usage: Any) -> TokenUsage:
    """Bedrock's ``inputTokens`` leaves out what was read from or written to the prompt cache;
    ours includes both. Reasoning tokens are in ``outputTokens`` and not told apart."""
    if not isinstance(usage, dict):
        return TokenUsage()
    cached = token_count(usage.get("cacheReadInputTokens"))
    written = token_count(usage.get("cacheWriteInputTokens"))
    return TokenUsage(
        input=token_count(usage.get("inputTokens")) + cached + written,
        output=token_count(usage.get("outputTokens")),
        cached_input=cached,
        cache_write=written,
    )


def refusal(response: HttpResponse, host: str, request: ModelRequest) -> ProviderError:
    """The error that a response other than 200 means."""
    code, message, _ = aws_problem(response)
    status, request_id = response.status, request_id_of(response)
    if code not in ("ValidationException", "") or status != 400:
        return aws_error(response, host, CREDENTIALS_HINT)
    told = f"{host} refused the request: {quoted(message)}"
    lowered = message.lower()
    kind: type[ProviderError] | None = None
    if "on-demand throughput" in lowered or "inference profile" in lowered:
        kind = ModelNotFoundError
        told += (
            f" Use an inference profile, e.g. us.{request.model.name} or "
            f"global.{request.model.name}."
        )
    elif "model identifier is invalid" in lowered:
        kind = ModelNotFoundError
    elif says_context_too_long(message):
        kind = ContextTooLongError
    elif says_content_filtered(message):
        kind = ContentFilteredError
    if kind is not None:
        return kind(told, status=status, request_id=request_id)
    name = named_parameter(message, PARAMETER_NAMES, request.parameters)
    if name is not None and says_unsupported(message):
        return UnsupportedParameterError(told, parameter=name, status=status, request_id=request_id)
    return aws_error(response, host, CREDENTIALS_HINT)
