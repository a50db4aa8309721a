"""What a pipeline's text comes down to. Every node knows where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from prompt_app.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, counted from 1."""

    line: int
    column: int

    def error(self, message: str) -> PipelineError:
        return PipelineError(message, line=self.line, column=self.column)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number, true, false or null."""

    place: Place
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Argument:
    """A bare name: an argument of the pipeline."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Keyword:
    """``name=value`` inside a call."""

    place: Place
    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class Call:
    """``name(positional, name=value)``."""

    place: Place
    name: str
    positional: tuple[Node, ...]
    keywords: tuple[Keyword, ...]


Node: TypeAlias = Literal | Argument | Items | Call
