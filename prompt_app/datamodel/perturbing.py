"""Small changes to an example's text that leave its meaning: does the answer stand up to them?"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from prompt_app.datamodel.base import Numeric, Record
from prompt_app.datamodel.dataset import field_value

Kind = Literal["typos", "case", "whitespace"]


class Perturbation(Record):
    """How the fields that a prompt shows are disturbed; references and shots are not."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("typos",)
    """``typos``: a letter left out, doubled, or exchanged with the next; ``case``: a letter in
    the other case; ``whitespace``: a space doubled or put into a word."""
    fields: tuple[str, ...] = ()
    """Paths of the fields to disturb; every text that the template shows when absent."""
    rate: Numeric[Annotated[float, Field(gt=0, le=1)]] = 0.05
    """Share of the letters (or places) that are hit; at least one in each text."""
    seed: Numeric[int] = 0

    @property
    def label(self) -> str:
        """For a run's name."""
        return f"{'+'.join(self.kinds)} {self.rate:g}"


def perturb_fields(
    perturbation: Perturbation, fields: Mapping[str, Any], shown: Collection[str]
) -> dict[str, Any]:
    """``fields`` with the text at the chosen paths disturbed: equal rows and seeds give equal
    text, whatever else is in the dataset. ``shown``: the paths that the template asks for.
    """
    changed = dict(fields)
    for path in perturbation.fields or shown:
        try:
            value = field_value(fields, path)
        except KeyError:
            continue
        if isinstance(value, str):
            # A column of the very name of a path comes first when the path is looked up.
            changed[path] = perturb_text(perturbation, value)
    return changed


def perturb_text(perturbation: Perturbation, text: str) -> str:
    """``text`` with every kind of change applied, one after another."""
    for kind in perturbation.kinds:
        generator = random.Random(f"{perturbation.seed}:{kind}:{text}")
        change, possible = _KINDS[kind]
        places = [index for index in range(len(text)) if possible(text, index)]
        hit = {place for place in places if generator.random() < perturbation.rate}
        if places and not hit:
            hit = {generator.choice(places)}
        text = "".join(_changed(text, hit, change, generator))
    return text


Change = Callable[[str, int, random.Random], tuple[str, int]]
"""Text, place, generator -> what comes there instead, and how many characters it stands for."""


def _changed(
    text: str, places: Collection[int], change: Change, generator: random.Random
) -> Iterator[str]:
    index = 0
    while index < len(text):
        piece, taken = change(text, index, generator) if index in places else (text[index], 1)
        yield piece
        index += taken


def _is_letter(text: str, index: int) -> bool:
    return text[index].isalpha()


def _has_case(text: str, index: int) -> bool:
    return text[index].swapcase() != text[index]


def _takes_space(text: str, index: int) -> bool:
    inside = text[index].isalnum() and index + 1 < len(text) and text[index + 1].isalnum()
    return inside or text[index] == " "


def _typo(text: str, index: int, generator: random.Random) -> tuple[str, int]:
    letter, after = text[index], text[index + 1 : index + 2]
    kinds = ["drop", "double", "exchange"] if after.isalpha() and after != letter else ["double"]
    kind = generator.choice(kinds)
    if kind == "exchange":
        return after + letter, 2
    return ("", 1) if kind == "drop" else (2 * letter, 1)


def _other_case(text: str, index: int, generator: random.Random) -> tuple[str, int]:
    return text[index].swapcase(), 1


def _space(text: str, index: int, generator: random.Random) -> tuple[str, int]:
    return text[index] + " ", 1


_KINDS: dict[Kind, tuple[Change, Callable[[str, int], bool]]] = {
    "typos": (_typo, _is_letter),
    "case": (_other_case, _has_case),
    "whitespace": (_space, _takes_space),
}
