"""What may stand in a field: JSON values within bounds that every later stage can keep.

Strings hold neither NUL (PostgreSQL cannot store it) nor lone surrogates (no UTF-8 for them);
integers fit 64 bits (what JSON readers agree on); floats are finite; nesting ends at 64 levels.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from prompt_app.datamodel.dataset import RowProblem

RawRows = Iterator[tuple[int, dict[str, Any]] | RowProblem]
"""What the reader of a format gives: (line or row number, fields), or what is wrong there."""
MAX_CELL = 1_000_000
"""Characters in one string value."""
MAX_ROW = 32_000_000
"""Characters in one line of JSONL or one object of a JSON array."""
DEEPEST = 64
"""Levels of nesting in one row."""


class RowRefused(Exception):
    """Why a row cannot be taken; it becomes a RowProblem and never leaves this package."""


def checked_text(text: str) -> str:
    """``text`` itself. Raises RowRefused where it is too long or cannot be kept."""
    if len(text) > MAX_CELL:
        raise RowRefused(f"a value of {len(text):,} characters; at most {MAX_CELL:,} fit")
    if "\0" in text:
        raise RowRefused("a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise RowRefused(f"a lone surrogate (\\u{code:04x})") from None
    return text


def checked_integer(number: int) -> int:
    """``number`` itself. Raises RowRefused where it does not fit 64 bits."""
    if not -(2**63) <= number < 2**64:
        raise RowRefused("an integer beyond 64 bits; write it as a string")
    return number


def checked_json(value: Any, depth: int = 1) -> None:
    """Raise RowRefused where a value that came from JSON text holds what cannot be kept.

    Numbers are left out: the JSON decoder checks them.
    """
    if isinstance(value, str):
        checked_text(value)
    elif isinstance(value, dict | list):
        if depth > DEEPEST:
            raise RowRefused(f"nested deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            for key in value:
                checked_text(key)
        for item in value.values() if isinstance(value, dict) else value:
            checked_json(item, depth + 1)


def json_value(value: Any, depth: int = 1) -> Any:
    """The JSON value for what a spreadsheet or a Parquet file holds.

    Dates and times become ISO 8601 strings (a date alone where the time is midnight), decimals
    and UUIDs their exact text, bytes their text where they are UTF-8 and else base64, NaN
    (which is how such files write a missing number) null. Raises RowRefused.
    """
    if isinstance(value, dict | list | tuple):
        if depth > DEEPEST:
            raise RowRefused(f"nested deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            return {checked_text(str(k)): json_value(v, depth + 1) for k, v in value.items()}
        return [json_value(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    return checked_text(_text(value))


def _number(value: int | float) -> int | float | None:
    if isinstance(value, int):
        return checked_integer(value)
    if math.isinf(value):
        raise RowRefused("an infinite number")
    return None if math.isnan(value) else value


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return _bytes_text(value)
    if isinstance(value, datetime):
        return (value.date() if _is_bare_date(value) else value).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str | timedelta | Decimal | UUID):
        return str(value)
    raise RowRefused(f"a value of type {type(value).__name__}, which has no JSON form")


def _is_bare_date(value: datetime) -> bool:
    # By its text, because the timestamps of pandas also carry nanoseconds.
    return value.tzinfo is None and value.isoformat().endswith("T00:00:00")


def _bytes_text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
    return base64.b64encode(value).decode() if "\0" in text else text
