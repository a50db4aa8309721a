"""Tables in text that a model or a person wrote: tab, comma and Markdown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence

from prompt_app.errors import RubricError

Row = list[str]

_QUOTED = {
    delimiter: re.compile(rf'[ ]*"((?:[^"]|"")*+)"[ ]*(?={delimiter}|\r?\n|\Z)')
    for delimiter in ("\t", ",")
}
_BARE = {delimiter: re.compile(rf"[^{delimiter}\r\n]*") for delimiter in ("\t", ",")}
_BREAK = re.compile(r"\r?\n|\r")
_ESCAPED_PIPE = re.compile(r"(?<!\\)\|")


def delimited_rows(text: str, delimiter: str) -> list[Row]:
    """Rows of a TSV or CSV text. A cell is quoted only where its quotes enclose all of it, so
    that a cell which merely begins with one keeps it and swallows nothing."""
    rows: list[Row] = []
    row: Row = []
    position = 0
    while position <= len(text):
        quoted = _QUOTED[delimiter].match(text, position)
        if quoted is not None:
            row.append(quoted[1].replace('""', '"'))
            position = quoted.end()
        elif (bare := _BARE[delimiter].match(text, position)) is not None:
            row.append(bare[0])
            position = bare.end()
        if text.startswith(delimiter, position):
            position += 1
            continue
        rows.append(row)
        row = []
        line_break = _BREAK.match(text, position)
        position = line_break.end() if line_break is not None else len(text) + 1
    return rows


def markdown_cells(line: str) -> Row | None:
    """The cells of a line of a Markdown table, whose outer bars may be absent; None where it is
    none."""
    stripped = line.strip()
    if _ESCAPED_PIPE.search(stripped) is None:
        return None
    inner = stripped.removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _ESCAPED_PIPE.split(inner)]


def is_markdown_rule(cells: Sequence[str]) -> bool:
    """Whether this is the line of dashes under a header."""
    return all(cell and set(cell) <= set("-: ") for cell in cells)


def write_delimited(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    """CSV or TSV with quotes where a cell needs them."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def one_form(text: str) -> str:
    """A name as it is compared: without case, extra spaces, and the marks around it."""
    return " ".join(text.replace("’", "'").split()).strip("*`\"'_ ").casefold()


def read_table(text: str, path: str) -> list[Row]:
    """The rows of a CSV file that hold anything, cells stripped. Raises RubricError for none."""
    rows = [[cell.strip() for cell in row] for row in delimited_rows(text, ",")]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise RubricError(f"{path} is empty.")
    return rows


def refuse_duplicates(
    names: Iterable[str], path: str, what: str, form: Callable[[str], str] = one_form
) -> None:
    """Raises RubricError for a name that is there twice. ``form``: what is equal of equal names."""
    seen: set[str] = set()
    for name in names:
        if form(name) in seen:
            raise RubricError(f"{path} names the {what} {name!r} twice.")
        seen.add(form(name))
