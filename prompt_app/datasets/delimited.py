"""CSV and TSV as spreadsheets write them: quoted cells may hold delimiters and line breaks."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from prompt_app.datamodel.dataset import DatasetOptions, RowProblem
from prompt_app.datasets.text import check_decoded, numbered_lines, open_text
from prompt_app.datasets.values import MAX_CELL, RawRows, RowRefused, checked_text
from prompt_app.errors import DatasetError


def read_csv(path: Path, options: DatasetOptions) -> RawRows:
    """(line on which the row starts, cells by column) for each row; every cell is a string."""
    return _read(path, ",")


def read_tsv(path: Path, options: DatasetOptions) -> RawRows:
    """As :func:`read_csv`, with tabs."""
    return _read(path, "\t")


def checked_header(cells: Sequence[str | None], where: str) -> list[str]:
    """Column names without the spaces around them. Raises DatasetError for an empty name or one
    that stands twice."""
    names = [(cell or "").strip() for cell in cells]
    for number, name in enumerate(names, start=1):
        if not name:
            raise DatasetError(f"Column {number} of the header ({where}) has no name.")
        if names.index(name) < number - 1:
            raise DatasetError(f"The header ({where}) has two columns named {name[:100]!r}.")
        try:
            check_decoded(name)
            checked_text(name)
        except RowRefused as refused:
            raise DatasetError(f"Column {number} of the header ({where}): {refused}.") from None
    return names


def _read(path: Path, delimiter: str) -> RawRows:
    csv.field_size_limit(MAX_CELL)
    with open_text(path, newline="") as text:
        lines = (line for _, line in numbered_lines(text))
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader, None)
                if cells is None:
                    return
                if not any(cells):
                    continue
                if header is None:
                    header = checked_header(cells, f"line {start}")
                    continue
                yield start, _fields(header, cells)
            except csv.Error as error:
                if header is None:
                    raise DatasetError(f"Line {start}: {_explained(error)}.") from None
                yield RowProblem(line=start, reason=_explained(error))
            except RowRefused as refused:
                yield RowProblem(line=start, reason=str(refused))


def _fields(header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        plural = "" if len(cells) == 1 else "s"
        raise RowRefused(f"{len(cells)} cell{plural} where the header has {len(header)}")
    for cell in cells:
        check_decoded(cell)
        checked_text(cell)
    return dict(zip(header, cells, strict=True))


def _explained(error: csv.Error) -> str:
    message = str(error)
    if "field limit" in message:
        return f"a cell of more than {MAX_CELL:,} characters; is a quote left open?"
    if "unexpected end" in message:
        return "a quote that opens a cell here is never closed"
    return f"malformed quotes: {message}"
