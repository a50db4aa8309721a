"""Functions over text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from prompt_app.datamodel.rendering import render_text
from prompt_app.errors import FunctionError, TemplateError
from prompt_app.pipelines.values import MOST_CHARACTERS, as_text

PATTERN_SECONDS = 1.0
_CODE = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)


def upper(text: str) -> str:
    """In capital letters."""
    return text.upper()


def lower(text: str) -> str:
    """In small letters."""
    return text.lower()


def title(text: str) -> str:
    """With a capital at the start of each word."""
    return text.title()


def strip(text: str) -> str:
    """Without spaces and line breaks around it."""
    return text.strip()


def truncate(text: str, characters: int) -> str:
    """The first so many characters; a cut is marked by an ellipsis, which counts."""
    if characters < 1:
        raise FunctionError(f"'characters' must be at least 1, not {characters}.")
    return text if len(text) <= characters else text[: characters - 1] + "…"


def concat(*parts: str) -> str:
    """All parts, one after another, with nothing between."""
    return "".join(parts)


def contains(text: str, part: str, ignore_case: bool = True) -> bool:
    """Whether the text holds the part."""
    return part.casefold() in text.casefold() if ignore_case else part in text


def default(value: Any, otherwise: Any) -> Any:
    """The value, or the other one where it is null or empty."""
    return otherwise if value in (None, "", [], {}) else value


def replace(text: str, old: str, new: str) -> str:
    """With every occurrence of the old part replaced by the new one."""
    if not old:
        raise FunctionError("'old' is empty: nothing can be replaced.")
    if len(text) + text.count(old) * (len(new) - len(old)) > MOST_CHARACTERS:
        raise FunctionError(f"The text would be longer than {MOST_CHARACTERS:,} characters.")
    return text.replace(old, new)


def split(text: str, separator: str = ",") -> list[str]:
    """The parts between separators, without spaces around them."""
    if not separator:
        raise FunctionError("'separator' is empty.")
    return [part.strip() for part in text.split(separator)]


def lines(text: str) -> list[str]:
    """The lines that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def word_count(text: str) -> int:
    """The number of words, as separated by spaces."""
    return len(text.split())


def fill(template: str, **values: Any) -> str:
    """A template with its placeholders filled: fill("Dear {name}", name=who)."""
    try:
        return render_text(template, "single", values)
    except TemplateError as error:
        raise FunctionError(str(error)) from None


def extract_code(text: str) -> str:
    """What stands in the first code fence; the whole text where there is none."""
    found = _CODE.search(text)
    return found[1].rstrip("\n") if found else text


def match(text: str, pattern: str) -> str:
    """The first match of a regular expression (its first group, if it has one); else nothing."""
    found = _timed(pattern, lambda compiled: compiled.search(text, timeout=PATTERN_SECONDS))
    if found is None:
        return ""
    return as_text(found[1] if found.re.groups else found[0])


def find_all(text: str, pattern: str) -> list[str]:
    """Every match of a regular expression (its first group, if it has one)."""
    return [
        as_text(found[1] if found.re.groups else found[0])
        for found in _timed(
            pattern, lambda compiled: list(compiled.finditer(text, timeout=PATTERN_SECONDS))
        )
    ]


def replace_pattern(text: str, pattern: str, new: str) -> str:
    """With every match of a regular expression replaced; \\1 in the new text is the first
    group."""
    if len(new) * (len(text) + 1) > MOST_CHARACTERS * 10:
        raise FunctionError("The text and what replaces the matches are too long.")
    changed: str = _timed(
        pattern, lambda compiled: compiled.sub(new, text, timeout=PATTERN_SECONDS)
    )
    return changed


def _timed(pattern: str, find: Callable[[Any], Any]) -> Any:
    """``re`` would hang on some patterns, holding the event loop up."""
    import regex

    if len(pattern) > 10_000:
        raise FunctionError("The pattern is longer than 10,000 characters.")
    try:
        return find(regex.compile(pattern))
    except TimeoutError:
        raise FunctionError(
            f"The pattern {pattern[:80]!r} took more than {PATTERN_SECONDS:g} s: look for nested "
            "repeats such as (a+)+."
        ) from None
    except (regex.error, RecursionError, OverflowError, IndexError) as error:
        raise FunctionError(f"The pattern {pattern[:80]!r} is malformed: {error}.") from None
