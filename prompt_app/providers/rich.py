"""Images, documents and calls of tools: OpenAI's form, in which this app holds them, and
Converse's."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from prompt_app.datamodel.model import GenerationRequest, Reply
from prompt_app.datamodel.prompt import Message, RichMessage
from prompt_app.errors import RequestRefusedError

TOOL_FIELDS = frozenset({"tools", "tool_choice"})
"""Of ``extra``, as OpenAI's protocol names them."""
FORMAT_FIELD = "response_format"
RICH_PROVIDERS = frozenset({"openai", "bedrock"})
_MIME = {
    kind: f"data:{mime};base64"
    for kind, mime in {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    }.items()
}
_IMAGE = re.compile(r"data:image/(png|jpeg|jpg|gif|webp);base64,(.+)", re.DOTALL)


def refuse_where_unknown(request: GenerationRequest) -> None:
    """Raises RequestRefusedError for images and tools where the model's provider has none."""
    model = request.model
    if model.provider in RICH_PROVIDERS:
        return
    rich = any(isinstance(message, RichMessage) for message in request.messages)
    if rich or TOOL_FIELDS & request.parameters.extra.keys():
        raise _refused(f"{model.reference} takes text alone, neither images, files nor tools.")


def openai_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """As chat completions take them."""
    return [
        message.turn
        if isinstance(message, RichMessage)
        else {"role": message.role, "content": message.content}
        for message in messages
    ]


def converse_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """As Converse takes them, but those of the role ``system``. The results of tools, which
    OpenAI's protocol sends one by one, are one turn. Raises RequestRefusedError."""
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for message in messages:
        if message.role == "system":
            continue
        if not isinstance(message, RichMessage):
            turns.append({"role": message.role, "content": [{"text": message.content}]})
            results = None
            continue
        blocks = _blocks(message)
        is_result = message.turn.get("role") == "tool"
        if is_result and results is not None:
            results += blocks
            continue
        turns.append({"role": message.role, "content": blocks})
        results = blocks if is_result else None
    return turns


def converse_tools(extra: dict[str, Any]) -> dict[str, Any] | None:
    """``toolConfig`` of the tools in ``extra``. Raises RequestRefusedError."""
    if not extra.get("tools") or extra.get("tool_choice") == "none":
        return None
    try:
        config: dict[str, Any] = {
            "tools": [_tool_spec(tool["function"]) for tool in extra["tools"]]
        }
        choice = extra.get("tool_choice")
        if choice == "required":
            config["toolChoice"] = {"any": {}}
        elif isinstance(choice, dict):
            config["toolChoice"] = {"tool": {"name": choice["function"]["name"]}}
    except (AttributeError, KeyError, TypeError):
        raise _refused(
            "tools: each is a function with a name, as OpenAI's protocol says."
        ) from None
    return config


def converse_format(extra: dict[str, Any]) -> dict[str, Any] | None:
    """``outputConfig`` of the ``response_format`` in ``extra``. Raises RequestRefusedError."""
    wanted = extra.get(FORMAT_FIELD)
    if wanted is None or wanted == {"type": "text"}:
        return None
    try:
        given = wanted["json_schema"]
        told = {"schema": json.dumps(given["schema"])}
        told |= {name: given[name] for name in ("name", "description") if given.get(name)}
    except (AttributeError, KeyError, TypeError):
        raise _refused(
            f"{FORMAT_FIELD}: Bedrock takes a json_schema with a schema alone."
        ) from None
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": told}}}


def without_translated(extra: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``extra`` that Converse has no place of its own for."""
    translated = TOOL_FIELDS | {FORMAT_FIELD}
    return {name: value for name, value in extra.items() if name not in translated}


def calls_of(reply: Reply, index: int) -> list[dict[str, Any]]:
    """The calls of tools in a response, in OpenAI's form; they are in the provider's own body."""
    raw, choice = _own_body(reply, index)
    if choice is not None:
        return list((choice.get("message") or {}).get("tool_calls") or ())
    blocks = raw.get("output", {}).get("message", {}).get("content", ())
    return [_call(block["toolUse"]) for block in blocks if "toolUse" in block]


def logprobs_of(reply: Reply, index: int) -> dict[str, Any] | None:
    """The probabilities of a response's tokens, where OpenAI's protocol brought some."""
    choice = _own_body(reply, index)[1]
    found = None if choice is None else choice.get("logprobs")
    return found if isinstance(found, dict) else None


def shows_own_body(reply: Reply) -> bool:
    """Whether clients are shown a part of the provider's own body."""
    outputs = enumerate(reply.outputs)
    return any(
        each.finish_reason == "tool_use" or logprobs_of(reply, index) for index, each in outputs
    )


def _own_body(reply: Reply, index: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The provider's body that has the response, and its choice in OpenAI's protocol."""
    raw = reply.raw
    if "responses" in raw:
        raw = raw["responses"][index]
        index = 0
    choices = raw.get("choices")
    if isinstance(choices, list) and index < len(choices) and isinstance(choices[index], dict):
        return raw, choices[index]
    return raw, None


def _call(use: dict[str, Any]) -> dict[str, Any]:
    function = {"name": use.get("name"), "arguments": json.dumps(use.get("input") or {})}
    return {"id": use.get("toolUseId"), "type": "function", "function": function}


def _tool_spec(function: dict[str, Any]) -> dict[str, Any]:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    spec = {"name": function["name"], "inputSchema": {"json": schema}}
    if function.get("description"):
        spec["description"] = function["description"]
    return {"toolSpec": spec}


def _blocks(message: RichMessage) -> list[dict[str, Any]]:
    turn, content = message.turn, message.turn.get("content")
    if turn.get("role") == "tool":
        result = {
            "toolUseId": turn.get("tool_call_id"), "content": [{"text": message.content}],
        }  # fmt: skip
        return [{"toolResult": result}]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    blocks = [_block(part) for part in parts if part.get("type") != "text" or part.get("text")]
    return blocks + [_use(call) for call in turn.get("tool_calls") or ()]


def _block(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("type") == "text":
        return {"text": part["text"]}
    if part.get("type") == "file":
        return {"document": _document(part.get("file") or {})}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    found = _IMAGE.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        raise _refused(
            "messages: Bedrock takes an image as data:image/png;base64,... (png, jpeg, gif, "
            "webp), not by its address."
        )
    try:
        b64decode(found[2], validate=True)
    except binascii.Error:
        raise _refused("messages: an image is not valid base64.") from None
    kind = "jpeg" if found[1] == "jpg" else found[1]
    return {"image": {"format": kind, "source": {"bytes": found[2]}}}


def file_part(document: dict[str, Any]) -> dict[str, Any]:
    """Converse's ``document`` as a part of a chat completion. Raises KeyError or TypeError for
    one that is not as Converse says."""
    kind, source = document["format"], document["source"]
    data = source.get("bytes") or b64encode(source["text"].encode()).decode()
    file = {"filename": f"{document['name']}.{kind}", "file_data": f"{_MIME[kind]},{data}"}
    return {"type": "file", "file": file}


def _document(file: dict[str, Any]) -> dict[str, Any]:
    name, _, kind = str(file.get("filename") or "document").rpartition(".")
    head, separator, data = str(file.get("file_data") or "").partition(",")
    by_mime = next((known for known, mime in _MIME.items() if mime == head), None)
    kind = kind.lower() if kind.lower() in _MIME else by_mime or ""
    if not separator or not kind:
        raise _refused(
            "messages: Bedrock takes a file as file_data (data:application/pdf;base64,...) with a "
            f"filename that ends in one of {', '.join(_MIME)}."
        )
    # Bedrock takes no other characters in a document's name.
    name = re.sub(r"[^A-Za-z0-9 ()\[\]-]+", "-", name).strip() or "document"
    return {"format": kind, "name": name, "source": {"bytes": data}}


def _use(call: dict[str, Any]) -> dict[str, Any]:
    try:
        function = call["function"]
        given = json.loads(function.get("arguments") or "{}")
        return {"toolUse": {"toolUseId": call["id"], "name": function["name"], "input": given}}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _refused(
            "messages: a tool call needs an id, and a function with a name and arguments as JSON."
        ) from None


def _refused(message: str) -> RequestRefusedError:
    return RequestRefusedError(message, status=400)
