"""JSONL, and JSON files that hold an array of objects.

The standard decoder reads each row. A streaming parser was tried for arrays: it replaced lone
surrogates in silence and could not go on after a number that it refused.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, TextIO

from prompt_app.datamodel.dataset import DatasetOptions, RowProblem
from prompt_app.datasets.text import check_decoded, numbered_lines, open_text
from prompt_app.datasets.values import (
    DEEPEST,
    MAX_CELL,
    MAX_ROW,
    RawRows,
    RowRefused,
    checked_integer,
    checked_json,
)
from prompt_app.errors import DatasetError

ARRAY_KEYS = ("data", "rows", "examples")
"""Where the array may stand in a JSON file that is an object."""
_WHITESPACE = " \t\r\n"
_SPACE = re.compile(f"[{_WHITESPACE}]*")
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_CHUNK = 1 << 18


class RowDecoder:
    """Decodes one JSON value and tells what is wrong with it beyond syntax."""

    def __init__(self) -> None:
        self._reasons: list[str] = []
        # The hooks record instead of raising, so that the decoder still finds the value's end.
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=self._constant,
        )

    def decode(self, text: str, start: int = 0) -> tuple[Any, int, list[str]]:
        """(value, index behind it, reasons to refuse it). Raises json.JSONDecodeError, and
        RecursionError for text nested too deeply to be read at all."""
        self._reasons.clear()
        value, end = self._decoder.raw_decode(text, start)
        try:
            self._check(value, text, start, end)
        except RowRefused as refused:
            self._reasons.append(str(refused))
        return value, end, list(dict.fromkeys(self._reasons))

    def _check(self, value: Any, text: str, start: int, end: int) -> None:
        if not isinstance(value, dict):
            raise RowRefused(f"not an object but {_described(value)}")
        row = text[start:end]
        check_decoded(row)
        # The walk through the value is only for rows that could fail it.
        if (
            len(row) > MAX_CELL
            or _SUSPICIOUS.search(row)
            or row.count("{") + row.count("[") > DEEPEST
        ):
            checked_json(value)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            self._reasons.append(f"the key {twice[:100]!r} stands twice in one object")
        return value

    def _integer(self, text: str) -> int:
        if len(text) > 20:
            self._reasons.append(
                f"a number of {len(text.lstrip('-')):,} digits; write it as a string"
            )
            return 0
        try:
            return checked_integer(int(text))
        except RowRefused as refused:
            self._reasons.append(str(refused))
            return 0

    def _float(self, text: str) -> float:
        number = float(text)
        if math.isinf(number):
            self._reasons.append(f"the number {text[:30]} is too large")
        return number

    def _constant(self, text: str) -> None:
        self._reasons.append(f"{text}, which is not JSON")


def read_jsonl(path: Path, options: DatasetOptions) -> RawRows:
    """(line, object) for each line of a JSONL file; blank lines are skipped."""
    decoder = RowDecoder()
    with open_text(path, newline=None) as text:
        for number, line in numbered_lines(text):
            row = line.strip(_WHITESPACE)
            if not row:
                continue
            try:
                yield number, _one_value(decoder, row, number == 1)
            except RowRefused as refused:
                yield RowProblem(line=number, reason=str(refused))


def read_json(path: Path, options: DatasetOptions) -> RawRows:
    """(1-based row, object) for each object of the array, which is the document or stands under
    one of ARRAY_KEYS in it.

    Raises DatasetError where the document is broken: there is no reading on from there.
    """
    with open_text(path, newline=None) as text:
        scanner = _Scanner(text)
        is_inner = _enter_array(scanner)
        number = 0
        while scanner.peek() != "]":
            if number:
                scanner.expect(",")
            number += 1
            value, reasons = scanner.value()
            if reasons:
                yield RowProblem(line=number, reason="; ".join(reasons))
            else:
                yield number, value
        scanner.expect("]")
        if is_inner and scanner.peek() == ",":
            return  # Other members of the object do not matter.
        if is_inner:
            scanner.expect("}")
        scanner.expect_end()


class _Scanner:
    """JSON text of which only the part around the present row is in memory."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._decoder = RowDecoder()
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._dropped = 0
        self._dropped_lines = 0
        self._line_start = 0
        """Offset in the file of the line in which the buffer starts."""

    def peek(self) -> str:
        """The next character that is not white space. Raises DatasetError at the end."""
        if not self._skip_space():
            raise self.broken("the file ends in the middle")
        return self._buffer[self._at]

    def expect(self, character: str) -> None:
        found = self.peek()
        if found != character:
            raise self.broken(f"{character!r} was expected, not {found!r}")
        self._at += 1

    def expect_end(self, hint: str = "") -> None:
        if self._skip_space():
            raise self.broken(f"there is more behind the end{hint}")

    def value(self) -> tuple[Any, list[str]]:
        """The value that starts here, and reasons to refuse it as a row."""
        self.peek()
        while True:
            try:
                value, end, reasons = self._decoder.decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # Cut off by the buffer's end, or wrong? Literals and escapes are below 12 long.
                is_cut_off = error.msg.startswith("Unterminated") or (
                    error.pos >= len(self._buffer) - 12
                )
                length = error.pos - self._at
                if not (is_cut_off and self._read_more()):
                    raise self.broken(error.msg, length) from None
            except RecursionError:
                raise self.broken("nested too deeply") from None
            else:
                length = end - self._at
                if end < len(self._buffer) or not self._read_more():
                    self._at += length
                    return value, reasons

    def broken(self, reason: str, further: int = 0) -> DatasetError:
        """The error for what is wrong ``further`` characters on from here."""
        end = self._at + further
        line = self._dropped_lines + self._buffer.count("\n", 0, end) + 1
        line_break = self._buffer.rfind("\n", 0, end)
        line_start = self._dropped + line_break + 1 if line_break >= 0 else self._line_start
        column = self._dropped + end - line_start + 1
        return DatasetError(f"Invalid JSON at line {line}, column {column}: {reason}.")

    def _skip_space(self) -> bool:
        """Go to the next character that is not white space; False where there is none."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return True
            if not self._read_more():
                return False

    def _read_more(self) -> bool:
        """Drop what is behind, and read as much again as is kept; False at the file's end."""
        if self._ended:
            return False
        line_break = self._buffer.rfind("\n", 0, self._at)
        if line_break >= 0:
            self._dropped_lines += self._buffer.count("\n", 0, self._at)
            self._line_start = self._dropped + line_break + 1
        self._dropped += self._at
        self._buffer = self._buffer[self._at :]
        self._at = 0
        if len(self._buffer) > MAX_ROW:
            raise self.broken(f"a row of more than {MAX_ROW:,} characters")
        more = self._text.read(max(_CHUNK, len(self._buffer)))
        self._buffer += more
        self._ended = not more
        return bool(more)


def _enter_array(scanner: _Scanner) -> bool:
    """Go behind the ``[`` of the array of rows; whether it stands inside an object."""
    if scanner.peek() == "[":
        scanner.expect("[")
        return False
    if scanner.peek() != "{":
        scanner.value()
        raise _no_dataset(scanner)
    scanner.expect("{")
    is_first = True
    while scanner.peek() != "}":
        if not is_first:
            scanner.expect(",")
        is_first = False
        if scanner.peek() != '"':
            raise scanner.broken("a name in double quotes was expected")
        key, _ = scanner.value()
        scanner.expect(":")
        if scanner.peek() == "[" and key in ARRAY_KEYS:
            scanner.expect("[")
            return True
        scanner.value()
    scanner.expect("}")
    raise _no_dataset(scanner)


def _no_dataset(scanner: _Scanner) -> DatasetError:
    """For a document whose only value has no array of rows. Raises DatasetError where it is not
    the only one."""
    scanner.expect_end("; a file with an object on each line ends in .jsonl")
    keys = ", ".join(repr(key) for key in ARRAY_KEYS)
    return DatasetError(
        "The file is JSON but no dataset: a dataset is an array of objects, or an object "
        f"that holds one as any of {keys}."
    )


def _one_value(decoder: RowDecoder, row: str, is_first: bool) -> Any:
    try:
        value, end, reasons = decoder.decode(row)
    except json.JSONDecodeError as error:
        if row.startswith("\ufeff"):
            raise RowRefused("a byte-order mark inside the file") from None
        raise RowRefused(f"invalid JSON at column {error.pos + 1}: {error.msg}") from None
    except RecursionError:
        raise RowRefused("nested too deeply") from None
    if end < len(row):
        raise RowRefused(f"invalid JSON at column {end + 1}: text behind the object")
    if reasons:
        hint = ""
        if is_first and isinstance(value, list):
            hint = " (a file that is one JSON array ends in .json)"
        raise RowRefused("; ".join(reasons) + hint)
    return value


def _described(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    kinds = {list: "an array", str: "a string", int: "a number", float: "a number"}
    return kinds[type(value)]
