"""JSON that people write by hand."""

from __future__ import annotations

import json
from typing import Any

from prompt_app.errors import RubricError


def read_object(text: str, path: str, holds: str) -> dict[str, Any]:
    """The object in ``text``. ``holds``: what it should be, for the message.

    Raises RubricError for anything else, and for a key given twice: the first would be lost.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RubricError(f"{path} has {twice!r} twice; keep one of them.")
        return dict(pairs)

    try:
        data = json.loads(text, object_pairs_hook=once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RubricError(f"{path} is not valid JSON: {error}.") from None
    if not isinstance(data, dict):
        raise RubricError(f"{path} must {holds}.")
    return data
