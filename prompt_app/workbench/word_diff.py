"""Which words of two texts differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
MOST_TOKENS = 5_000
"""Of either text; longer ones are not compared word by word, which takes time by the square."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text that is in the other one too, or is not."""

    text: str
    changed: bool


def word_diff(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, whose texts joined give the text back. Texts of more than
    ``MOST_TOKENS`` words and signs are one piece each."""
    from rapidfuzz.distance import Indel

    ours, theirs = _TOKEN.findall(before), _TOKEN.findall(after)
    if max(len(ours), len(theirs)) > MOST_TOKENS:
        different = before != after
        return [Piece(before, different)], [Piece(after, different)]
    first: list[Piece] = []
    second: list[Piece] = []
    for operation in Indel.opcodes(ours, theirs):
        changed = operation.tag != "equal"
        first += _piece(ours[operation.src_start : operation.src_end], changed)
        second += _piece(theirs[operation.dest_start : operation.dest_end], changed)
    return list(_joined(first)), list(_joined(second))


def _piece(tokens: Sequence[str], changed: bool) -> list[Piece]:
    return [Piece("".join(tokens), changed)] if tokens else []


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    for changed, group in groupby(pieces, key=lambda each: each.changed):
        yield Piece("".join(each.text for each in group), changed)
