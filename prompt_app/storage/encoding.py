"""Objects of the data model as JSON text in a column, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from prompt_app.datamodel.base import Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


def dump_record(record: Record) -> str:
    """JSON without a NUL byte and without lone surrogates: both are escaped."""
    try:
        return record.model_dump_json()
    except PydanticSerializationError:
        # A provider's raw body may hold half of a surrogate pair, which UTF-8 cannot.
        return json.dumps(record.model_dump(mode="python"), default=_plain)


def load_record(kind: type[AnyRecord], text: str) -> AnyRecord:
    try:
        return kind.model_validate_json(text)
    except ValidationError:
        return kind.model_validate(json.loads(text))


def dump_fields(fields: Mapping[str, Any]) -> str:
    """An example's fields with the columns in their order and every character readable.

    Raises ValueError (UnicodeEncodeError, or a number with too many digits) or TypeError.
    """
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    text.encode()
    return text


def fold(value: Any) -> str:
    """Every text, number and truth value inside ``value``, one a line, in one case."""
    return "\n".join(_leaves(value)).casefold()


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield json.dumps(value)


def dump_plain(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _plain(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON value")
