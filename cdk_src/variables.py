"""Kinds of configuration variables: how the text of each is read, and what it accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """How the text of a variable is read: ``accepts`` completes the sentence "accepted: ..."."""

    accepts: str
    parse: Callable[[str], Any]


def choice(*choices: str) -> Kind:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError
        return text.lower()

    return Kind(" or ".join(f"`{choice}`" for choice in choices), parse)


def flag() -> Kind:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def parse(text: str) -> bool:
        try:
            return words[text.lower()]
        except KeyError:
            raise ValueError from None

    return Kind("`true` or `false`", parse)


def integer(least: int, most: int) -> Kind:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return Kind(f"a whole number from {least} to {most}", parse)


def member(numbers: tuple[int, ...]) -> Kind:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or int(text) not in numbers:
            raise ValueError
        return int(text)

    return Kind("one of " + ", ".join(map(str, numbers)), parse)


def half_steps(least: float, most: float) -> Kind:
    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,3}(\.[05])?", text) or not least <= float(text) <= most:
            raise ValueError
        return float(text)

    return Kind(f"a number from {least:g} to {most:g} in steps of 0.5", parse)


def matching(pattern: str, accepts: str) -> Kind:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return Kind(accepts, parse)


def items(pattern: str, accepts: str) -> Kind:
    def parse(text: str) -> tuple[str, ...]:
        found = tuple(item.strip() for item in text.split(",") if item.strip())
        if not found or not all(re.fullmatch(pattern, item) for item in found):
            raise ValueError
        return found

    return Kind(f"{accepts}, separated by commas", parse)


def variable(name: str, kind: Kind, default: str, description: str) -> Any:
    """A field read from the variable ``name``; an empty default means "not set"."""
    return field(
        default=kind.parse(default) if default else None,
        metadata={"name": name, "kind": kind, "default": default, "description": description},
    )
