"""What the commands share that needs no import of its own: a worker must start quickly."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

FAILED, WRONG_INPUT, THRESHOLD_MISSED, UNFINISHED, INTERRUPTED = 1, 2, 3, 4, 130
"""Exit codes."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def announce(**facts: Any) -> None:
    """One line of JSON from a process that is about to serve, with its id."""
    print(json.dumps({"pid": os.getpid(), **facts}), flush=True)
