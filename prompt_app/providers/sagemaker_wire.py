"""How an endpoint's request is filled from a template and its answer read by paths."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.model import (
    FinishReason,
    GenerationRequest,
    InferenceParameters,
    Output,
    Reply,
    TokenUsage,
)
from prompt_app.errors import MalformedReplyError, UnsupportedParameterError
from prompt_app.providers.http import HttpResponse, decode_json, request_id_of, token_count
from prompt_app.providers.openai_wire import read_reply as read_chat_completion
from prompt_app.registry import nearest_names

PARAMETERS = tuple(name for name in InferenceParameters.model_fields if name != "extra")
PLACEHOLDERS = ("messages", "prompt", "system", "conversation", *PARAMETERS)
FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
}


class _Omitted:
    """Stands for a parameter that was not given."""


OMITTED = _Omitted()


def _placeholder(value: Any) -> str | None:
    if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}":
        name = value[1:-1]
        return name if name.isidentifier() else None
    return None


def placeholders_in(template: Any) -> set[str]:
    """The names of all placeholders in a JSON template."""
    if isinstance(template, dict):
        return {name for value in template.values() for name in placeholders_in(value)}
    if isinstance(template, list):
        return {name for value in template for name in placeholders_in(value)}
    name = _placeholder(template)
    return {name} if name is not None else set()


class WireFormat(Record):
    """A template and the paths of what its answer holds."""

    request: Any
    """JSON. A string that is just ``{name}`` becomes that value: ``messages`` (role and content
    objects), ``conversation`` (those but the system ones), ``system`` and ``prompt`` (texts), or
    a parameter by its name; a parameter that is not given leaves its key out."""
    extra_field: str | None = None
    """Name of the object in the request that ``extra`` is merged into; else the request itself."""
    response: tuple[str, ...] = ()
    """Paths of the text, tried in order; empty for a chat completions answer."""
    finish_reason: str | None = None
    input_tokens: str | None = None
    output_tokens: str | None = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        used = placeholders_in(self.request)
        for name in sorted(used - set(PLACEHOLDERS)):
            near = " or ".join(nearest_names(name, PLACEHOLDERS))
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(f"the request template has the unknown placeholder {{{name}}}{hint}")
        if not used & {"messages", "conversation", "prompt"}:
            raise ValueError("the request template needs {messages}, {conversation} or {prompt}")
        return self


PRESETS = {
    "messages": WireFormat(
        request={
            "messages": "{messages}",
            "temperature": "{temperature}",
            "top_p": "{top_p}",
            "top_k": "{top_k}",
            "max_tokens": "{max_tokens}",
            "stop": "{stop}",
            "seed": "{seed}",
            "reasoning_effort": "{reasoning_effort}",
            "n": "{num_responses}",
        }
    ),
    "inputs": WireFormat(
        request={
            "inputs": "{prompt}",
            "parameters": {
                "temperature": "{temperature}",
                "top_p": "{top_p}",
                "top_k": "{top_k}",
                "max_new_tokens": "{max_tokens}",
                "stop": "{stop}",
                "seed": "{seed}",
            },
        },
        extra_field="parameters",
        response=("0.generated_text", "generated_text"),
        finish_reason="0.details.finish_reason",
        output_tokens="0.details.generated_tokens",
    ),
    "jumpstart-chat": WireFormat(
        request={
            "inputs": ["{messages}"],
            "parameters": {
                "temperature": "{temperature}",
                "top_p": "{top_p}",
                "max_new_tokens": "{max_tokens}",
            },
        },
        extra_field="parameters",
        response=("0.generation.content", "generation.content"),
    ),
}


def request_body(wire: WireFormat, request: GenerationRequest) -> dict[str, Any]:
    """The template with its placeholders filled. Values are put in as values, never as text into
    JSON. Raises UnsupportedParameterError for a parameter that has no place in the template."""
    parameters = request.parameters.given()
    extra = parameters.pop("extra", {})
    used = placeholders_in(wire.request)
    for name in parameters:
        if name not in used:
            raise UnsupportedParameterError(
                f"{name}: this endpoint's request template has no place for it.",
                parameter=name,
                status=None,
            )
    messages = [{"role": item.role, "content": item.content} for item in request.messages]
    system = "\n\n".join(item.content for item in request.messages if item.role == "system")
    values = {
        "messages": messages,
        "conversation": [item for item in messages if item["role"] != "system"],
        "prompt": "\n\n".join(item.content for item in request.messages),
        **({"system": system} if system else {}),
        **parameters,
    }
    body: dict[str, Any] = _filled(wire.request, values)
    if extra:
        target = body if wire.extra_field is None else body.setdefault(wire.extra_field, {})
        if taken := sorted(extra.keys() & target.keys()):
            raise UnsupportedParameterError(
                f"extra may not set {', '.join(taken)}: the request template does.",
                parameter="extra",
                status=None,
            )
        target.update(extra)
    return body


def _filled(template: Any, values: dict[str, Any]) -> Any:
    if isinstance(template, dict):
        filled = {key: _filled(value, values) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value is not OMITTED}
    if isinstance(template, list):
        items = [_filled(value, values) for value in template]
        return [value for value in items if value is not OMITTED]
    name = _placeholder(template)
    return template if name is None else values.get(name, OMITTED)


def read_reply(
    wire: WireFormat, response: HttpResponse, host: str, request: GenerationRequest
) -> Reply:
    """The reply in a successful response. Raises MalformedReplyError unless it holds a text."""
    if not wire.response:
        return read_chat_completion(response, host, request)
    data = decode_json(response, host)
    request_id = request_id_of(response)
    text = next((found for path in wire.response if (found := _at(data, path)) is not None), None)
    if not isinstance(text, str):
        raise MalformedReplyError(
            f"The answer of {host} has no text at {' or '.join(wire.response)}.",
            status=response.status,
            request_id=request_id,
        )
    reason = _at(data, wire.finish_reason)
    finish = FINISH_REASONS.get(reason, "other") if isinstance(reason, str) else "other"
    return Reply(
        outputs=(Output(text=text, finish_reason=finish),),
        usage=TokenUsage(
            input=token_count(_at(data, wire.input_tokens)),
            output=token_count(_at(data, wire.output_tokens)),
        ),
        latency_seconds=response.seconds,
        request_id=request_id,
        model=request.model.name,
        raw=data if isinstance(data, dict) else {"response": data},
    )


def _at(data: Any, path: str | None) -> Any:
    if path is None:
        return None
    try:
        return field_value({"": data}, f".{path}")
    except KeyError:
        return None
