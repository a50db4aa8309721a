"""Functions over JSON."""

from __future__ import annotations

import json
from typing import Any

from prompt_app.datamodel.dataset import field_value
from prompt_app.errors import FunctionError
from prompt_app.pipelines.functions.text import extract_code


def from_json(text: str) -> Any:
    """The value that JSON text stands for; a code fence around it is taken off."""
    try:
        return json.loads(extract_code(text), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FunctionError(f"It is no valid JSON: {error}.") from None


def to_json(value: Any, indent: bool = False) -> str:
    """A value as JSON text."""
    return json.dumps(value, ensure_ascii=False, indent=2 if indent else None)


def get(value: dict[str, Any] | list[Any], path: str) -> Any:
    """What stands at a path such as answers.0.text."""
    try:
        return field_value({"value": value}, f"value.{path}")
    except KeyError:
        raise FunctionError(f"There is nothing at {path!r}.") from None


def keys(value: dict[str, Any]) -> list[str]:
    """The names in an object, in order."""
    return list(value)


def merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both objects in one; where they share a name, the second one's value."""
    return {**first, **second}


def object_of(**values: Any) -> dict[str, Any]:
    """An object of the named values: object(question=q, answer=a)."""
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not allowed")
