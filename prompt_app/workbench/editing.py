"""Rows of a dataset version with a person's changes, checked as rows of a file are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prompt_app.datamodel.dataset import DatasetOptions, Example, RowProblem
from prompt_app.datasets import RawRows, examples_of
from prompt_app.errors import DatasetError


@dataclass(frozen=True, slots=True)
class RowEdits:
    """What a person did to the rows of a version."""

    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Example id -> the fields that have another value now."""
    removed: frozenset[str] = frozenset()
    """Example ids."""
    added: tuple[Mapping[str, Any], ...] = ()
    """The fields of each new row; they come last."""

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed or self.added)


def edited_examples(
    examples: Iterable[Example], edits: RowEdits, options: DatasetOptions
) -> Iterator[Example]:
    """Every row after the edits, with its id and split told anew.

    Raises DatasetError for a row that cannot be used any more, and for an edit of a row that is
    not there.
    """
    for row in examples_of(_edited_fields(examples, edits), options):
        if isinstance(row, RowProblem):
            raise DatasetError(f"Row {row.line}: {row.reason}.")
        yield row


def _edited_fields(examples: Iterable[Example], edits: RowEdits) -> RawRows:
    waiting = set(edits.changed) | edits.removed
    row = 0
    for example in examples:
        waiting.discard(example.id)
        if example.id in edits.removed:
            continue
        row += 1
        yield row, {**example.fields, **edits.changed.get(example.id, {})}
    if waiting:
        listed = ", ".join(sorted(waiting)[:5])
        raise DatasetError(
            f"{len(waiting):,} edited rows are not in this version any more: {listed}. "
            "Discard these edits, or make them anew."
        )
    for fields in edits.added:
        row += 1
        yield row, dict(fields)
