"""A pipeline's text as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from prompt_app.errors import PipelineError
from prompt_app.pipelines.tree import Place

MOST_CHARACTERS = 20_000
MOST_DIGITS = 40

Kind = Literal["name", "string", "number", "mark", "end"]

_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff]+|\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<name>[^\W\d](?:[\w./@-]*[\w])?)
      | (?P<mark>[()\[\],=])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {
    "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "\\": "\\", '"': '"', "'": "'", "/": "/", "\n": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` as it is written; ``value`` of a string or number."""

    kind: Kind
    text: str
    place: Place
    value: str | int | float | None = None


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text`` with an ``end`` behind them. Spaces, line breaks and comments from
    ``#`` to the end of the line count for nothing. Raises PipelineError."""
    if len(text) > MOST_CHARACTERS:
        raise PipelineError(
            f"The pipeline has {len(text):,} characters; at most {MOST_CHARACTERS:,} are taken."
        )
    at, line, line_start = 0, 1, 0
    while at < len(text):
        place = Place(line, at - line_start + 1)
        match = _TOKEN.match(text, at)
        if match is None:
            raise place.error(_not_a_token(text, at))
        token = _token(match, place)
        if token is not None:
            yield token
        breaks = match.group().count("\n")
        if breaks:
            line += breaks
            line_start = match.start() + match.group().rindex("\n") + 1
        at = match.end()
    yield Token("end", "", Place(line, at - line_start + 1))


def _token(match: re.Match[str], place: Place) -> Token | None:
    text = match.group()
    if match["string"] is not None:
        return Token("string", text, place, _unescaped(text, place))
    if match["number"] is not None:
        return Token("number", text, place, _number(text, place))
    if match["name"] is not None:
        return Token("name", text, place)
    return Token("mark", text, place) if match["mark"] is not None else None


def _not_a_token(text: str, at: int) -> str:
    character = text[at]
    if character in "\"'":
        return f"The string that starts here has no closing {character}."
    if character.isdecimal() or character in "-.":
        return "This is no number: write 12, -3.5 or 1e6."
    return f"{character!r} means nothing here: put text into quotes."


def _number(text: str, place: Place) -> int | float:
    if len(text) > MOST_DIGITS:
        raise place.error(f"The number has more than {MOST_DIGITS} digits.")
    if text.lstrip("-").isdecimal():
        return int(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise place.error("The number is too large.")
    return value


def _unescaped(quoted: str, place: Place) -> str:
    def replaced(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPED:
            raise place.error(f"The string holds \\{escape}; write \\\\ for a backslash.")
        return _ESCAPED[escape]

    text = _ESCAPE.sub(replaced, quoted[1:-1])
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise place.error("The string holds half of a surrogate pair.") from None
