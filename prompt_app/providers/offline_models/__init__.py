"""The offline models: plain functions of the messages. Their table is in
:mod:`prompt_app.providers.offline`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.prompt import Message


@dataclass(frozen=True, slots=True)
class Draw:
    """Which response of a call is asked for. Equal draws of equal messages give equal text."""

    index: int = 0
    temperature: float = 0.0
    seed: int = 0
    response_format: dict[str, Any] | None = None
    """As OpenAI defines it: the JSON schema that the reply shall follow."""


Answer = Callable[[Sequence[Message], Draw], str]
"""An offline model: the text of one response."""


def last_user_text(messages: Sequence[Message]) -> str:
    """The content of the last user message; empty where there is none."""
    return next((m.content for m in reversed(messages) if m.role == "user"), "")
