"""Converse's images, documents and tools in OpenAI's form, in which the app holds them."""

from __future__ import annotations

import json
from typing import Any

from prompt_app.datamodel.prompt import Message, RichMessage, Role
from prompt_app.gateway.errors import BadRequestError
from prompt_app.providers.rich import file_part

Blocks = list[dict[str, Any]]


def read_turn(role: Role, blocks: Blocks) -> list[Message]:
    """The messages that a turn is: a tool's result is one of its own. Raises BadRequestError."""
    try:
        results: list[Message] = [
            _result(block["toolResult"]) for block in blocks if "toolResult" in block
        ]
        parts = [_part(block) for block in blocks if not _SILENT & block.keys()]
        calls = [_call(block["toolUse"]) for block in blocks if "toolUse" in block]
    except (KeyError, TypeError, AttributeError):
        raise BadRequestError(
            "A content block is not as the Converse API says.", "messages"
        ) from None
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    if not calls and all(part["type"] == "text" for part in parts):
        if not parts and results:
            return results
        return [*results, Message(role=role, content=text)]
    turn: dict[str, Any] = {"role": role, "content": parts if parts else None}
    if calls:
        turn["tool_calls"] = calls
    return [*results, RichMessage(role=role, content=text, turn=turn)]


_SOURCES = frozenset({"bytes", "text"})
_SILENT = frozenset({"toolResult", "toolUse", "cachePoint"})


def read_tools(config: dict[str, Any] | None) -> dict[str, Any]:
    """``tools`` and ``tool_choice`` of a toolConfig. Raises BadRequestError."""
    if not config:
        return {}
    try:
        found: dict[str, Any] = {
            "tools": [_function(tool["toolSpec"]) for tool in config["tools"] if "toolSpec" in tool]
        }
        choice = config.get("toolChoice") or {}
        if "any" in choice:
            found["tool_choice"] = "required"
        elif "tool" in choice:
            found["tool_choice"] = {
                "type": "function",
                "function": {"name": choice["tool"]["name"]},
            }
    except (KeyError, TypeError, AttributeError):
        raise BadRequestError(
            "toolConfig: each tool has a toolSpec with a name and an inputSchema.", "toolConfig"
        ) from None
    return found


def read_format(config: dict[str, Any] | None) -> dict[str, Any]:
    """``response_format`` of an outputConfig. Raises BadRequestError."""
    if not config:
        return {}
    try:
        if unknown := config.keys() - {"textFormat"}:
            raise BadRequestError(
                f"outputConfig: {', '.join(sorted(unknown))} is not taken here.", "outputConfig"
            )
        told = config["textFormat"]["structure"]["jsonSchema"]
        schema = {"name": told.get("name") or "reply", "schema": json.loads(told["schema"])}
        if told.get("description"):
            schema["description"] = told["description"]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadRequestError(
            "outputConfig: its textFormat has a structure with a jsonSchema, whose schema is JSON.",
            "outputConfig",
        ) from None
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def tool_uses(calls: Blocks) -> Blocks:
    """Calls in OpenAI's form as Converse's ``toolUse``."""
    return [
        {
            "toolUseId": call.get("id"),
            "name": call["function"].get("name"),
            "input": _arguments(call["function"].get("arguments")),
        }
        for call in calls
        if "function" in call
    ]


def _arguments(text: str | None) -> Any:
    """A model may write what is no JSON; a client then finds no arguments."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _part(block: dict[str, Any]) -> dict[str, Any]:
    if isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    if "image" in block and "bytes" in block["image"].get("source", {}):
        image = block["image"]
        url = f"data:image/{image['format']};base64,{image['source']['bytes']}"
        return {"type": "image_url", "image_url": {"url": url}}
    if "document" in block and not block["document"]["source"].keys().isdisjoint(_SOURCES):
        return file_part(block["document"])
    kinds = ", ".join(name for name, value in block.items() if value is not None) or "nothing"
    raise BadRequestError(
        f"A content block with {kinds} is not taken: only text, tools, and "
        "images and documents that are sent with the call are."
    )


def _call(use: dict[str, Any]) -> dict[str, Any]:
    function = {"name": use["name"], "arguments": json.dumps(use.get("input") or {})}
    return {"id": use["toolUseId"], "type": "function", "function": function}


def _result(result: dict[str, Any]) -> RichMessage:
    texts = [
        block["text"] if "text" in block else json.dumps(block["json"])
        for block in result.get("content") or ()
    ]
    text = "".join(texts)
    turn = {"role": "tool", "tool_call_id": result["toolUseId"], "content": text}
    return RichMessage(role="user", content=text, turn=turn)


def _function(spec: dict[str, Any]) -> dict[str, Any]:
    function = {"name": spec["name"], "parameters": spec["inputSchema"]["json"]}
    if spec.get("description"):
        function["description"] = spec["description"]
    return {"type": "function", "function": function}
