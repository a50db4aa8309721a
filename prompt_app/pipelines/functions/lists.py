"""Functions over lists."""

from __future__ import annotations

from typing import Any

from prompt_app.errors import FunctionError
from prompt_app.pipelines.values import MOST_CHARACTERS, as_text


def count(items: list[Any]) -> int:
    """The number of items."""
    return len(items)


def first(items: list[Any]) -> Any:
    """The first item; null where there is none."""
    return items[0] if items else None


def last(items: list[Any]) -> Any:
    """The last item; null where there is none."""
    return items[-1] if items else None


def item(items: list[Any], number: int) -> Any:
    """The item at a place: 1 is the first, -1 the last."""
    if number == 0 or abs(number) > len(items):
        raise FunctionError(f"There is no item {number}: the list has {len(items)}.")
    return items[number - 1 if number > 0 else number]


def slice_of(items: list[Any], start: int = 1, end: int | None = None) -> list[Any]:
    """The items from one place to another, both in: slice(items, 2, 4)."""
    if start < 1:
        raise FunctionError(f"'start' must be at least 1, not {start}.")
    return items[start - 1 : end]


def join(items: list[str], separator: str = "\n") -> str:
    """The items as one text, with the separator between."""
    if len(separator) * len(items) > MOST_CHARACTERS:
        raise FunctionError(f"The text would be longer than {MOST_CHARACTERS:,} characters.")
    return separator.join(items)


def unique(items: list[Any]) -> list[Any]:
    """Each item once, at its first place."""
    seen: dict[str, Any] = {}
    for each in items:
        seen.setdefault(as_text(each), each)
    return list(seen.values())


def sort(items: list[Any], descending: bool = False) -> list[Any]:
    """In order: numbers by size where all are numbers, else as text."""
    return sorted(items, key=order_key(items), reverse=descending)


def reverse(items: list[Any]) -> list[Any]:
    """In reverse order."""
    return items[::-1]


def flatten(items: list[Any]) -> list[Any]:
    """Lists inside the list replaced by their items, one level deep."""
    return [inner for each in items for inner in (each if isinstance(each, list) else [each])]


def keep(items: list[Any], part: str) -> list[Any]:
    """The items whose text holds the part, whatever its case."""
    return [each for each in items if part.casefold() in as_text(each).casefold()]


def exclude(items: list[Any], part: str) -> list[Any]:
    """The items whose text does not hold the part, whatever its case."""
    return [each for each in items if part.casefold() not in as_text(each).casefold()]


def number_lines(items: list[str]) -> str:
    """The items as numbered lines: 1. first."""
    return "\n".join(f"{number}. {each}" for number, each in enumerate(items, start=1))


def order_key(values: list[Any]) -> Any:
    """What to sort ``values`` by."""
    are_numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return None if are_numbers else (lambda value: as_text(value).casefold())
