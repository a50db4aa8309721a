"""Reads files into dataset versions: all bad rows are told first, then stored or refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from prompt_app.datamodel.dataset import (
    DatasetOptions,
    DatasetVersion,
    RowProblem,
    field_paths,
)
from prompt_app.datamodel.names import require_name
from prompt_app.datasets import check_dataset, read_examples, read_fields
from prompt_app.datasets.exchange import EXCHANGES, Exchange
from prompt_app.datasets.guessing import guessed_reference
from prompt_app.errors import DatasetError
from prompt_app.interfaces import Store
from prompt_app.interfaces.watching import told_of
from prompt_app.settings import Settings

PROBLEMS_SHOWN = 20
ROWS_READ_TO_GUESS = 20


class BadRowsError(DatasetError):
    """A dataset has malformed rows, and the user has not said to skip them."""

    def __init__(self, source: str, problems: Sequence[RowProblem], count: int) -> None:
        what = "it" if count == 1 else "them"
        advice = f"Mend {what}, or skip bad rows (on_bad_rows: skip, --skip-bad-rows)."
        if count == 1:
            reason = problems[0].reason.removesuffix(".")
            super().__init__(f"{source}, line {problems[0].line}: {reason}. {advice}")
        else:
            lines = [f"  line {problem.line}: {problem.reason}" for problem in problems]
            if count > len(lines):
                rest = count - len(lines)
                lines.append(f"  and {rest:,} more; prompt-app datasets check FILE names them all")
            listed = "\n".join(lines)
            super().__init__(f"{source} has {count} bad rows. {advice}\n{listed}")
        self.problems = tuple(problems)
        self.count = count


def import_dataset(
    store: Store,
    settings: Settings,
    source: str,
    *,
    name: str | None = None,
    options: DatasetOptions | None = None,
    skip_bad_rows: bool = False,
    note: str = "",
) -> DatasetVersion:
    """Read a file or ``s3://`` address into a version of dataset ``name`` (the file's own name
    when absent). Equal rows and options give the version that is already there.

    Raises BadRowsError with every malformed row, unless ``skip_bad_rows``.
    """
    name = dataset_name(source) if name is None else require_name(name, "a dataset")
    options = options or DatasetOptions()
    check = check_dataset(source, options, settings)
    if check.problem_count and not skip_bad_rows:
        shown = check.problems[:PROBLEMS_SHOWN]
        raise BadRowsError(display_name(source), shown, check.problem_count)
    if check.rows == 0:
        raise DatasetError(f"{display_name(source)} has no rows that can be used.")
    version = store.save_dataset_version(
        name,
        options,
        told_of(read_examples(source, options, settings), "rows stored", check.rows),
        source=display_name(source),
        skipped_rows=check.problem_count,
        note=note,
    )
    # The stored one may be of an earlier file with the same good rows.
    return version.model_copy(update={"skipped_rows": check.problem_count})


def exchange_options(
    source: str | Path,
    exchange_format: str,
    settings: Settings,
    *,
    reference_field: str | None = None,
    id_field: str | None = None,
) -> DatasetOptions:
    """How another tool's file is read: where its format has no place of its own for reference
    answers, the first rows' field names tell. Raises UnknownNameError or DatasetError."""
    exchange: Exchange = EXCHANGES.load(exchange_format)
    options = DatasetOptions.model_validate({"format": exchange_format, "id_field": id_field})
    reference = reference_field or exchange.reference_field
    if reference is None:
        rows = islice(read_fields(source, options, settings), ROWS_READ_TO_GUESS)
        paths = list(dict.fromkeys(path for row in rows for path in field_paths(row)))
        if not paths:
            raise DatasetError(f"{display_name(str(source))} has no rows that can be used.")
        reference = guessed_reference(paths)
    return options.model_copy(update={"reference_field": reference})


def display_name(source: str) -> str:
    """An ``s3://`` address whole; of a path only the file's name."""
    return source if source.startswith("s3://") else Path(source).name


def dataset_name(source: str) -> str:
    """A valid dataset name from a file's."""
    stem = PurePosixPath(display_name(source)).stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    return name[:100] or "dataset"
