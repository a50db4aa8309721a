"""Dataset files: JSONL, JSON, CSV, TSV, XLSX and Parquet, on this machine or on S3.

Files are streamed. A row that cannot be taken is reported with its line, never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prompt_app.datamodel.dataset import DatasetOptions, Example, RowProblem
from prompt_app.datasets.reading import FORMATS, FieldPaths, examples_of, read_fields, read_rows
from prompt_app.datasets.values import RawRows
from prompt_app.interfaces.watching import told_of
from prompt_app.settings import Settings

__all__ = [
    "FORMATS",
    "DatasetCheck",
    "RawRows",
    "check_dataset",
    "examples_of",
    "read_examples",
    "read_fields",
    "read_rows",
]

PROBLEMS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class DatasetCheck:
    """What a file holds."""

    rows: int
    """Good ones."""
    columns: tuple[str, ...]
    """Of the good rows, in order of appearance."""
    paths: tuple[str, ...]
    """Columns and the dotted paths into nested objects: what a placeholder may name."""
    problems: tuple[RowProblem, ...]
    """The first 1,000."""
    problem_count: int
    """All of them."""


def check_dataset(source: str | Path, options: DatasetOptions, settings: Settings) -> DatasetCheck:
    """Read the whole file once, keeping no row. Raises DatasetError as :func:`read_rows` does."""
    seen = FieldPaths()
    problems: list[RowProblem] = []
    rows = problem_count = 0
    for row in told_of(read_rows(source, options, settings), "rows read"):
        if isinstance(row, Example):
            rows += 1
            seen.note(row.fields)
        else:
            problem_count += 1
            if problem_count <= PROBLEMS_KEPT:
                problems.append(row)
    return DatasetCheck(rows, seen.columns, seen.paths, tuple(problems), problem_count)


def read_examples(
    source: str | Path, options: DatasetOptions, settings: Settings
) -> Iterator[Example]:
    """The good rows alone. Raises DatasetError as :func:`read_rows` does."""
    return (row for row in read_rows(source, options, settings) if isinstance(row, Example))
