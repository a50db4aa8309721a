"""``params.json``: read strictly, so that a slip of the pen is told instead of ignored."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from prompt_app.errors import RubricError
from prompt_app.registry import nearest_names
from prompt_app.rubrics.json_files import read_object
from prompt_app.rubrics.model import RubricParameters

REQUIRED = ("model", "num-responses", "temperature")
DEPRECATED = {"num-passing-labels", "num-passing-grades"}
MOST_RESPONSES = 100


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def _model(value: Any) -> str | dict[str, Any]:
    if isinstance(value, dict) and {"provider", "name"} <= value.keys():
        return value
    try:
        return _text(value)
    except ValueError:
        raise ValueError("a model's name, or an object with provider and name") from None


def _count(value: Any) -> int:
    number = _number(value, f"a whole number from 1 to {MOST_RESPONSES}")
    if number != int(number) or not 1 <= number <= MOST_RESPONSES:
        raise ValueError(f"a whole number from 1 to {MOST_RESPONSES}")
    return int(number)


def _tokens(value: Any) -> int:
    number = _number(value, "a whole number above 0")
    if number != int(number) or number < 1:
        raise ValueError("a whole number above 0")
    return int(number)


def _temperature(value: Any) -> float:
    number = _number(value, "a number from 0 to 2")
    if not 0 <= number <= 2:
        raise ValueError("a number from 0 to 2")
    return number


def _number(value: Any, expected: str) -> float:
    """Numbers may be written as texts, as older files have them."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(expected)
    try:
        number = float(value)
    except ValueError:
        raise ValueError(expected) from None
    if not math.isfinite(number):
        raise ValueError(expected)
    return number


def _flag(value: Any) -> bool:
    known = {"1": True, "true": True, "0": False, "false": False, "": False}
    if isinstance(value, bool | int | str) and str(value).lower() in known:
        return known[str(value).lower()]
    raise ValueError("true or false")


def _response_type(value: Any) -> str:
    if value not in ("tsv", "json"):
        raise ValueError("'tsv' or 'json'")
    return str(value)


def _concepts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a list of key concepts")
    return tuple(value)


READERS: dict[str, Callable[[Any], Any]] = {
    "model": _model,
    "num-responses": _count,
    "temperature": _temperature,
    "max-tokens": _tokens,
    "remove-comments": _flag,
    "response-type": _response_type,
    "lesson": _text,
    "code-feature-extractor": _concepts,
    "num-passing-labels": _count,
    "num-passing-grades": _count,
}


def read_parameters(text: str, path: str) -> tuple[RubricParameters, tuple[str, ...]]:
    """The parameters, and a sentence for each key in them that is deprecated.

    Raises RubricError, naming ``path`` and the key, for anything that is not as it should be.
    """
    data = read_object(text, path, f"hold a JSON object with {', '.join(REQUIRED)}")
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in READERS:
            near = nearest_names(key, READERS.keys() - DEPRECATED)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise RubricError(f"{path}: there is no parameter {key!r}.{hint}")
        try:
            values[key] = READERS[key](value)
        except ValueError as error:
            raise RubricError(f"{path}: {key!r} must be {error}, not {value!r:.60}.") from None
    for key in REQUIRED:
        if key not in values:
            raise RubricError(f"{path}: {key!r} is missing.")
    notices = tuple(
        f"{path}: {key!r} is deprecated; use --passing-labels {values[key]} instead."
        for key in sorted(DEPRECATED & values.keys())
    )
    if "num-passing-grades" in values:
        values["num-passing-labels"] = values.pop("num-passing-grades")
    fields = {key.replace("-", "_"): value for key, value in values.items()}
    return RubricParameters(**fields), notices


def write_parameters(parameters: RubricParameters) -> str:
    """``params.json`` that reads back to equal parameters."""
    data = parameters.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({k.replace("_", "-"): v for k, v in data.items()}, indent=2) + "\n"
