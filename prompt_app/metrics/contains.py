"""Whether the response contains a reference as it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal
from unicodedata import combining

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import (
    make_score,
    quoted,
    quoted_references,
    references_of,
    refuse_longer,
)

Require = Literal["any", "all"]
MAX_WHOLE_WORD_CHARACTERS = 2_000
"""Every place where the reference occurs is looked at, and costs its length."""


@dataclass(frozen=True)
class Contains:
    """1 where a reference, or all of them, occur in the response."""

    ignore_case: Annotated[bool, Field(description="Compare case-insensitively.")] = False
    whole_words: Annotated[
        bool, Field(description="Find 'art' in 'an art', but not in 'party'.")
    ] = False
    require: Annotated[
        Require, Field(description="Whether any of the references must occur, or all.")
    ] = "any"

    info: ClassVar[MetricInfo] = MetricInfo(
        name="contains",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="1 where the response contains a reference as it is written.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = self._folded(sample.text)
        found = [
            occurs(self._folded(reference), response, whole_words=self.whole_words)
            for reference in references_of(sample)
        ]
        return inclusion_score(self.info, sample, found, self.require)

    def _folded(self, text: str) -> str:
        return text.casefold() if self.ignore_case else text


def occurs(part: str, text: str, *, whole_words: bool = False) -> bool:
    """Whether ``part`` is in ``text``; with ``whole_words`` not as a piece of longer words.

    Raises TextTooLongError for a very long ``part`` with ``whole_words``.
    """
    if not whole_words:
        return part in text
    refuse_longer("reference", part, MAX_WHOLE_WORD_CHARACTERS)
    start = text.find(part)
    while start >= 0:
        end = start + len(part)
        if not (_inside_word(text, start) or _inside_word(text, end)):
            return True
        start = text.find(part, start + 1)
    return False


def _inside_word(text: str, boundary: int) -> bool:
    if not 0 < boundary < len(text):
        return False
    after = text[boundary]
    return text[boundary - 1].isalnum() and (after.isalnum() or combining(after) > 0)


def inclusion_score(
    info: MetricInfo, sample: ScoringInput, found: list[bool], require: Require
) -> Score:
    """1 where any or all of the references were ``found``, in their order."""
    references = sample.references
    if require == "all":
        missing = [text for text, here in zip(references, found, strict=True) if not here]
        if missing:
            shown = ", ".join(quoted(text) for text in missing[:3])
            return make_score(info, 0.0, f"{len(missing)} of {len(references)} missing: {shown}")
        return make_score(info, 1.0, f"contains all {len(references)} references")
    if True in found:
        return make_score(info, 1.0, f"contains {quoted(references[found.index(True)])}")
    return make_score(info, 0.0, f"{quoted(sample.text)} lacks {quoted_references(references)}")
