"""Responses before they are sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from prompt_app.errors import PromptAppError

JSON = b"application/json"
Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Answer:
    """A response that is whole."""

    body: bytes
    status: int = 200
    kind: bytes = JSON
    headers: Headers = field(default_factory=list)


@dataclass(slots=True)
class StreamedAnswer:
    """A response in pieces. Its beginning has been awaited, so that what fails before the first
    piece is told by a status. An error later ends as ``on_error`` writes it."""

    pieces: AsyncGenerator[bytes, None]
    kind: bytes
    on_error: Callable[[PromptAppError], bytes]
    headers: Headers = field(default_factory=list)
