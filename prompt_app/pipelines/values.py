"""Values between functions: plain JSON values, converted to what the next type hint asks for."""

from __future__ import annotations

import json
import re
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from prompt_app.errors import FunctionError

MOST_CHARACTERS = 2_000_000
_FENCE = re.compile(r"\s*```[\w+-]*\n(.*?)\n?```\s*", re.DOTALL)


def as_text(value: Any) -> str:
    """Text as it is, null as nothing, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def plain_value(value: Any) -> Any:
    """What a function returned, as a JSON value: a date becomes text, a tuple a list.

    Raises FunctionError for what has no such form, and for more than MOST_CHARACTERS of it.
    """
    try:
        plain = to_jsonable_python(value)
        size = len(plain) if isinstance(plain, str) else len(json.dumps(plain))
    except (PydanticSerializationError, ValueError, TypeError, RecursionError):
        raise FunctionError(
            f"It returned a {type(value).__name__}, which is no text, number, list or object."
        ) from None
    if size > MOST_CHARACTERS:
        raise FunctionError(f"It returned more than {MOST_CHARACTERS:,} characters.")
    return plain


class Converter:
    """Brings values to one type hint."""

    def __init__(self, hint: Any) -> None:
        """Raises FunctionError for a hint that is no type."""
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(hint)
        except Exception as error:
            raise FunctionError(f"{hint!r} is no type hint that can be used: {error}") from None
        self._is_open = hint is Any or hint is object
        self._takes_text = self._is_open or self._fits("text")
        self._takes_items = self._fits([]) and not self._fits({})
        self._takes_texts = get_origin(hint) is list and get_args(hint) == (str,)

    def __call__(self, value: Any) -> Any:
        """``value`` as the hint has it. Text becomes a number, a date, or what JSON (also inside
        a code fence) it holds; lines become a list of text; anything becomes text. Raises
        ValueError that says why not."""
        if self._is_open:
            return value
        if self._takes_text and not isinstance(value, str) and not self._fits(value):
            value = as_text(value)
        if isinstance(value, str) and not self._takes_text:
            value = self._from_text(value)
        if self._takes_texts and isinstance(value, list):
            value = [as_text(each) for each in value]
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise ValueError(f"{where}: {problem['msg']}" if where else problem["msg"]) from None

    def _from_text(self, text: str) -> Any:
        stripped = text.strip()
        if self._fits(stripped):
            return stripped
        fenced = _FENCE.fullmatch(text)
        try:
            found = json.loads(fenced[1] if fenced else stripped)
        except (ValueError, RecursionError):
            found = stripped
        if self._fits(found):
            return found
        if self._takes_items:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if self._fits(lines):
                return lines
        return found

    def _fits(self, value: Any) -> bool:
        try:
            self._adapter.validate_python(value)
        except ValidationError:
            return False
        return True
