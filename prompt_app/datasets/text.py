"""Text files as lines: UTF-8, any line ending, in bounded memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from prompt_app.datasets.values import MAX_ROW, RowRefused
from prompt_app.errors import DatasetError

_FOREIGN_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


@contextmanager
def open_text(path: Path, newline: str | None) -> Iterator[TextIO]:
    """The file as UTF-8, with or without a byte-order mark.

    A byte that is not UTF-8 becomes a surrogate, so that it can be reported with its line.
    Raises DatasetError for a file in UTF-16 or UTF-32.
    """
    with path.open("rb") as file:
        head = file.read(64)
    foreign = next((name for mark, name in _FOREIGN_MARKS if head.startswith(mark)), None)
    if foreign is None and len(head) >= 4 and (not any(head[::2]) or not any(head[1::2])):
        foreign = "UTF-16"
    if foreign is not None:
        raise DatasetError(f"It is {foreign} text; save it as UTF-8.")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline) as text:
        yield text


def numbered_lines(text: TextIO) -> Iterator[tuple[int, str]]:
    """(1-based number, line with its ending). Raises DatasetError for a line that is too long
    to hold."""
    number = 0
    while line := text.readline(MAX_ROW):
        number += 1
        if len(line) == MAX_ROW and not line.endswith(("\n", "\r")):
            raise DatasetError(f"Line {number} is longer than {MAX_ROW:,} characters.")
        yield number, line


def check_decoded(text: str) -> None:
    """Raise RowRefused for text from :func:`open_text` with a byte that is not UTF-8."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        raise RowRefused(f"invalid UTF-8 (byte 0x{byte:02x})") from None
