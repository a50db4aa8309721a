"""Models that only repeat."""

from __future__ import annotations

from typing import Any

from prompt_app.providers.offline_models import Answer, last_user_text


def create_echo(options: dict[str, Any]) -> Answer:
    """Replies with the last user message."""
    return lambda messages, draw: last_user_text(messages)


def create_fixed(options: dict[str, Any]) -> Answer:
    """Replies with the option ``reply``, ``OK`` by default, whatever is asked."""
    reply = str(options.get("reply", "OK"))
    return lambda messages, draw: reply
