"""The input, tools and text format of OpenAI's responses in the form of its chat completions, in
which the app holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from prompt_app.datamodel.prompt import Message
from prompt_app.gateway.errors import BadRequestError
from prompt_app.gateway.routes.chat import ChatMessage, ContentPart, message_of

ROLES = frozenset({"system", "developer", "user", "assistant"})
TEXTS = frozenset({"input_text", "output_text", "text"})
REASONING = "reasoning"
"""An item of an earlier answer that clients send back; it says nothing to another model."""
Item = dict[str, Any]


def read_input(given: str | list[Item], instructions: str | None) -> tuple[Message, ...]:
    """Raises BadRequestError."""
    turns: list[ChatMessage] = []
    if instructions:
        turns.append(_turn("system", instructions))
    if isinstance(given, str):
        turns += [_turn("user", given)] if given else []
        return tuple(message_of(turn) for turn in turns)
    for number, item in enumerate(given):
        try:
            _add(turns, item, f"input.{number}")
        except (KeyError, TypeError, AttributeError):
            raise BadRequestError(
                f"input.{number}: this item is not as the Responses API says", f"input.{number}"
            ) from None
    return tuple(message_of(turn) for turn in turns)


def read_tools(tools: list[Item], choice: Any, parallel: bool | None) -> dict[str, Any]:
    """As further parameters of a chat completion. Raises BadRequestError."""
    if not tools:
        return {}
    found: dict[str, Any] = {"tools": [_function(tool) for tool in tools]}
    if isinstance(choice, Mapping):
        if choice.get("type") != "function" or not isinstance(choice.get("name"), str):
            raise BadRequestError("tool_choice: only functions can be chosen", "tool_choice")
        found["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif choice is not None:
        found["tool_choice"] = choice
    if parallel is False:
        found["parallel_tool_calls"] = False
    return found


def read_format(text: Item) -> dict[str, Any]:
    """``text``, likewise. Raises BadRequestError."""
    found: dict[str, Any] = {}
    wanted = text.get("format") or {"type": "text"}
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind == "json_schema":
        schema = {name: value for name, value in wanted.items() if name != "type"}
        found["response_format"] = {"type": kind, "json_schema": schema}
    elif kind == "json_object":
        found["response_format"] = {"type": kind}
    elif kind != "text":
        raise BadRequestError("text.format: text, json_object or json_schema", "text.format")
    if text.get("verbosity") is not None:
        found["verbosity"] = text["verbosity"]
    return found


def call_items(calls: Iterable[Item], response_id: str) -> list[Item]:
    """Calls of tools, which are in the form of chat completions, as items of a response."""
    return [
        {
            "id": f"fc_{response_id}_{number}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.get("id") or f"call_{response_id}_{number}",
            "name": call["function"].get("name"),
            "arguments": call["function"].get("arguments") or "{}",
        }
        for number, call in enumerate(calls)
        if "function" in call
    ]


def _turn(role: Any, content: str | list[ContentPart] | None, **more: Any) -> ChatMessage:
    return ChatMessage.model_construct(role=role, content=content, **more)


def _add(turns: list[ChatMessage], item: Item, place: str) -> None:
    kind = item.get("type") or "message"
    if kind == "message":
        if item["role"] not in ROLES:
            raise BadRequestError(f"{place}: there is no role {item['role']!r}", place)
        turns.append(_turn(item["role"], _content(item["content"], place)))
    elif kind == "function_call":
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        if not turns or turns[-1].role != "assistant":
            turns.append(_turn("assistant", None))
        turns[-1].tool_calls = [*(turns[-1].tool_calls or ()), call]
    elif kind == "function_call_output":
        output = item["output"]
        if isinstance(output, list):
            parts = _content(output, place)
            if any(part.type != "text" for part in parts if isinstance(part, ContentPart)):
                raise BadRequestError(f"{place}: a tool's output is text alone", place)
            output = "".join(part.text or "" for part in parts if isinstance(part, ContentPart))
        turns.append(_turn("tool", str(output), tool_call_id=item["call_id"]))
    elif kind != REASONING:
        raise BadRequestError(
            f"{place}: an item of the type {kind!r} is not taken: only message, function_call and "
            "function_call_output are",
            place,
        )


def _content(content: str | list[Item], place: str) -> str | list[ContentPart]:
    if isinstance(content, str):
        return content
    return [_part(part, place) for part in content]


def _part(part: Item, place: str) -> ContentPart:
    kind = part.get("type")
    if kind in TEXTS:
        if not isinstance(part.get("text"), str):
            raise BadRequestError(f"{place}: a part of the type {kind!r} needs a text", place)
        return ContentPart(type="text", text=part["text"])
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        image = {"url": part["image_url"]}
        if part.get("detail"):
            image["detail"] = part["detail"]
        return ContentPart.model_validate({"type": "image_url", "image_url": image})
    if kind == "input_file" and isinstance(part.get("file_data"), str):
        file = {"filename": part.get("filename") or "document.pdf", "file_data": part["file_data"]}
        return ContentPart.model_validate({"type": "file", "file": file})
    raise BadRequestError(
        f"{place}: a part of the type {kind!r} is not taken: only input_text, input_image with an "
        "image_url, and input_file with file_data are",
        place,
    )


def _function(tool: Item) -> Item:
    if tool.get("type") != "function" or not isinstance(tool.get("name"), str):
        raise BadRequestError(
            f"tools: {json.dumps(tool.get('type'))} is not taken: only functions with a name are",
            "tools",
        )
    kept = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in kept if tool.get(name) is not None}
    return {"type": "function", "function": function}
