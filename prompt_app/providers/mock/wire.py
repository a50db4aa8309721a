"""What the mocked protocols have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from prompt_app.datamodel.model import InferenceParameters, Reply
from prompt_app.datamodel.prompt import Message, Role

Problem = Literal[
    "rate", "quota", "server", "parameter", "model", "key", "request", "context_length"
]


class BadRequestError(Exception):
    """The request is not as the protocol says."""


class Answered(NamedTuple):
    """An HTTP response before its transport."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """A request in the terms of this package."""

    model: str
    messages: tuple[Message, ...]
    parameters: InferenceParameters
    sent: tuple[str, ...]
    """The protocol's names of the parameters that were sent."""
    body: Mapping[str, Any]
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol. ``stream`` gives the parts of a streamed answer and its content type."""

    parse: Callable[[str, Any], Call]
    """From the model's name in the path (or nothing) and the decoded body."""
    render: Callable[[Call, Reply, str], bytes]
    refuse: Callable[[Problem, str], Answered]
    """The answer for a problem; the text is the parameter, the model or what is wrong."""
    stream: Callable[[Call, Reply, str], list[bytes]] | None = None
    stream_type: str = ""
    request_id_header: str = "x-request-id"
    answer: Callable[[Call], Reply] | None = None
    """Where no offline model answers."""


def read_messages(raw: Any) -> tuple[Message, ...]:
    """Messages whose content is a text, or a list of parts of which the texts count."""
    if not isinstance(raw, list) or not raw:
        raise BadRequestError("'messages' must be a list that is not empty")
    messages = []
    for one in raw:
        role = _ROLES.get(str(one.get("role"))) if isinstance(one, dict) else None
        if role is None:
            raise BadRequestError("a message needs a known 'role'")
        # A turn that calls tools may say nothing.
        content = read_content(one.get("content", "" if one.get("tool_calls") else None))
        messages.append(Message.model_construct(role=role, content=content))
    return tuple(messages)


_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
}


def read_content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    raise BadRequestError("a message's 'content' must be a text or a list of parts")


def read_parameters(
    names: Mapping[str, str], values: Mapping[str, Any]
) -> tuple[InferenceParameters, tuple[str, ...]]:
    """The offline models' parameters out of ``values``; ``names`` maps the protocol's names, an
    empty one for what is taken but has no effect."""
    given: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or not names.get(name):
            continue
        given[names[name]] = [value] if name == "stop" and isinstance(value, str) else value
    try:
        parameters = InferenceParameters.model_validate(given) if given else DEFAULT_PARAMETERS
    except ValueError as error:
        raise BadRequestError(str(error).splitlines()[0]) from None
    return parameters, tuple(name for name, value in values.items() if value is not None)


DEFAULT_PARAMETERS = InferenceParameters()


def pieces(text: str) -> Sequence[str]:
    """A text in the parts in which it is streamed."""
    return [text[at : at + 12] for at in range(0, len(text), 12)] or [""]
