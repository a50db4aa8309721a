"""Which field most likely means what, by the names that people give their fields."""

from __future__ import annotations

from collections.abc import Sequence

USUAL_NAMES = (
    "answers", "answer", "references", "reference", "targets", "target", "expected", "gold",
    "label", "solution", "output", "completion",
)  # fmt: skip
USUAL_PARTS = ("answer", "reference", "expected", "truth", "target", "gold", "label", "solution")
INPUT_NAMES = ("input", "prompt", "model_input", "question", "query", "instruction", "text")


def guessed_reference(paths: Sequence[str]) -> str:
    """The path that most likely holds the reference answers; the last one when none does."""
    last_parts = {path: path.rpartition(".")[2].lower() for path in paths}
    for name in USUAL_NAMES:
        for path, last in last_parts.items():
            if last == name:
                return path
    for part in USUAL_PARTS:
        for path, last in last_parts.items():
            if part in last:
                return path
    return paths[-1]


def guessed_input(columns: Sequence[str]) -> str | None:
    """The column that most likely holds what the model is asked; None when none does."""
    names = {column.lower(): column for column in columns}
    return next((names[name] for name in INPUT_NAMES if name in names), None)
