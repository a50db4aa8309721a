"""Functions over tables: lists of objects with the same names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, TypeAlias

from prompt_app.errors import FunctionError
from prompt_app.pipelines.functions.lists import order_key
from prompt_app.pipelines.functions.text import extract_code
from prompt_app.pipelines.values import as_text
from prompt_app.registry import nearest_names

Table: TypeAlias = list[dict[str, Any]]


def from_csv(text: str, separator: str = ",") -> Table:
    """The rows of CSV text with a header; a code fence around it is taken off."""
    try:
        reader = csv.DictReader(io.StringIO(extract_code(text).strip()), delimiter=separator)
        return [
            {(name or "").strip(): value or "" for name, value in row.items() if name is not None}
            for row in reader
        ]
    except (csv.Error, TypeError) as error:
        raise FunctionError(f"It is no CSV: {error}.") from None


def to_csv(table: Table) -> str:
    """A table as CSV with a header."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns_of(table), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: as_text(value) for name, value in row.items()} for row in table)
    return file.getvalue()


def to_markdown(table: Table) -> str:
    """A table in Markdown."""
    names = columns_of(table)
    rows = [names, ["---"] * len(names)]
    rows += [[as_text(row.get(name)) for name in names] for row in table]
    return "\n".join(f"| {' | '.join(_cell(each) for each in row)} |" for row in rows)


def column(table: Table, name: str) -> list[Any]:
    """One column's values."""
    _check(table, [name])
    return [row.get(name) for row in table]


def select(table: Table, columns: list[str]) -> Table:
    """The named columns alone, in that order."""
    _check(table, columns)
    return [{name: row.get(name) for name in columns} for row in table]


def rows_where(table: Table, name: str, value: Any) -> Table:
    """The rows whose column holds the value."""
    _check(table, [name])
    return [row for row in table if as_text(row.get(name)) == as_text(value)]


def sort_rows(table: Table, name: str, descending: bool = False) -> Table:
    """The rows by one column."""
    values = column(table, name)
    key = order_key(values) or (lambda value: value)
    return sorted(table, key=lambda row: key(row.get(name)), reverse=descending)


def columns_of(table: Table) -> list[str]:
    """Every column, in order of first appearance."""
    return list(dict.fromkeys(name for row in table for name in row))


def _check(table: Table, names: Iterable[str]) -> None:
    known = columns_of(table)
    for name in names:
        if table and name not in known:
            near = nearest_names(name, known)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise FunctionError(f"The table has no column {name!r}.{hint}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
