"""XLSX sheets: one header row, then one example a row. Cells give their values, formulas their
stored results."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_app.datamodel.dataset import DatasetOptions, RowProblem
from prompt_app.datasets.delimited import checked_header
from prompt_app.datasets.values import RawRows, RowRefused, json_value
from prompt_app.errors import DatasetError
from prompt_app.registry import nearest_names

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

Cells = Sequence[Any]

MAX_MEMBERS = 10_000
MAX_UNPACKED = 512_000_000
"""Bytes that all parts of the file take unpacked."""
MAX_RATIO = 100
"""Unpacked to packed size, of parts beyond HARMLESS; real sheets stay below 30."""
HARMLESS = 10_000_000
MAX_SHEET_ROWS = 1_048_576
"""What the format allows."""
_ERRORS = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}


def read_xlsx(path: Path, options: DatasetOptions) -> RawRows:
    """(row of the sheet, values by column); rows without any value are skipped.

    Raises DatasetError for a file that is not XLSX or unpacks to too much.
    """
    _check_zip(path)
    with _opened(path, data_only=True) as book:
        sheet = _sheet_name(book, options.sheet)
        formulas = _Formulas(path, sheet)
        header: list[str] | None = None
        for number, cells in _rows(book, sheet):
            if header is None:
                header = _header(cells, number)
                continue
            row = [*cells, *[None] * (len(header) - len(cells))]
            try:
                if None in row[: len(header)]:
                    _check_calculated(header, row, formulas.row(number))
                if any(_is_filled(cell) for cell in row):
                    yield number, _fields(header, row)
            except RowRefused as refused:
                yield RowProblem(line=number, reason=str(refused))


class _Formulas:
    """The sheet's formulas. It is opened a second time for them, and only when a row with an
    empty cell is met: a formula without a stored result reads as empty."""

    def __init__(self, path: Path, sheet: str) -> None:
        self._rows = self._read(path, sheet)
        self._next = 1

    def row(self, number: int) -> Cells:
        """What is written in row ``number``. Ask for rows in ascending order."""
        skipped = number - self._next
        self._next = number + 1
        _, cells = next(islice(self._rows, skipped, None), (number, ()))
        return cells

    @staticmethod
    def _read(path: Path, sheet: str) -> Iterator[tuple[int, Cells]]:
        with _opened(path, data_only=False) as book:
            yield from _rows(book, sheet)


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except Exception:  # What zipfile raises for hostile files has no common base.
        raise DatasetError(
            "It is not an XLSX file. (A file with a password, or an old .xls, is none either.)"
        ) from None
    if len(members) > MAX_MEMBERS:
        raise DatasetError(f"It has {len(members):,} parts inside; at most {MAX_MEMBERS:,} fit.")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise DatasetError(
            f"It unpacks to {unpacked / 1e6:,.0f} MB; at most {MAX_UNPACKED / 1e6:,.0f} fit. "
            "Save it as CSV."
        )
    for member in members:
        if member.file_size > max(HARMLESS, MAX_RATIO * member.compress_size):
            raise DatasetError(
                f"A part of it unpacks to over {MAX_RATIO} times its size, as no sheet does. "
                "If it is genuine, save it as CSV."
            )


@contextmanager
def _opened(path: Path, *, data_only: bool) -> Iterator[Workbook]:
    import openpyxl

    # It warns of features that are lost on saving; nothing is saved here.
    warnings.filterwarnings("ignore", module="openpyxl")
    book = None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=data_only, keep_links=False)
        yield book
    except DatasetError:
        raise
    except Exception as error:  # What openpyxl raises for broken files has no common base.
        reason = (str(error).splitlines() or [""])[0][:200]
        raise DatasetError(
            f"It is a broken XLSX file ({type(error).__name__}: {reason})."
        ) from None
    finally:
        if book is not None:
            book.close()


def _sheet_name(book: Workbook, wanted: str | None) -> str:
    names = [sheet.title for sheet in book.worksheets]
    if not names:
        raise DatasetError("There is no sheet in it.")
    if wanted is None:
        return names[0]
    if wanted not in names:
        nearest = nearest_names(wanted, names) or names[:10]
        raise DatasetError(
            f"It has no sheet {wanted!r}; there is {', '.join(repr(name) for name in nearest)}."
        )
    return wanted


def _rows(book: Workbook, name: str) -> Iterator[tuple[int, Cells]]:
    sheet = book[name]
    # The size that a file states for itself may be wrong, and may be far too large.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MAX_SHEET_ROWS:
            raise DatasetError(f"It has more than {MAX_SHEET_ROWS:,} rows.")
        yield number, cells


def _header(cells: Cells, number: int) -> list[str] | None:
    filled = [i for i, cell in enumerate(cells) if _is_filled(cell)]
    if not filled:
        return None
    try:
        names = [
            None if cell is None else str(json_value(cell)) for cell in cells[: filled[-1] + 1]
        ]
    except RowRefused as refused:
        raise DatasetError(f"The header (row {number}) has {refused}.") from None
    return checked_header(names, f"row {number}")


def _check_calculated(header: list[str], row: Cells, written: Cells) -> None:
    for name, value, formula in zip(header, row, written, strict=False):
        if value is None and formula is not None:
            raise RowRefused(
                f"the formula in {name!r} has no stored result; open the file in a spreadsheet "
                "program and save it"
            )


def _fields(header: list[str], row: Cells) -> dict[str, Any]:
    if any(_is_filled(cell) for cell in row[len(header) :]):
        raise RowRefused("a value right of the last column that has a header")
    fields = {}
    for name, cell in zip(header, row, strict=False):
        if isinstance(cell, str) and cell in _ERRORS:
            raise RowRefused(f"the error {cell} in {name!r}")
        fields[name] = json_value(cell)
    return fields


def _is_filled(cell: Any) -> bool:
    return cell is not None and cell != ""
