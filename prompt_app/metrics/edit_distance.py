"""How many edits lead from the response to a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field
from rapidfuzz.distance import Levenshtein

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import best_score, refuse_longer

MAX_CHARACTERS = 100_000
"""Levenshtein takes time by the product of both lengths."""


@dataclass(frozen=True)
class EditDistance:
    """Levenshtein distance to the nearest reference: characters inserted, deleted or replaced."""

    ignore_case: Annotated[bool, Field(description="Compare case-insensitively.")] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="edit_distance",
        version="1",
        direction="lower",
        minimum=0.0,
        maximum=None,
        unit="characters",
        description="Levenshtein distance to the nearest reference, white space at the ends aside.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError, TextTooLongError."""
        response = _prepared("response", sample.text, self.ignore_case)
        return best_score(
            self.info,
            sample,
            lambda text: Levenshtein.distance(
                response, _prepared("reference", text, self.ignore_case)
            ),
        )


@dataclass(frozen=True)
class EditSimilarity:
    """1 - distance / length of the longer text, for the nearest reference."""

    ignore_case: Annotated[bool, Field(description="Compare case-insensitively.")] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="edit_similarity",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        description="1 - Levenshtein distance / length of the longer text, for the nearest "
        "reference, white space at the ends aside.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError, TextTooLongError."""
        response = _prepared("response", sample.text, self.ignore_case)
        return best_score(
            self.info,
            sample,
            lambda text: Levenshtein.normalized_similarity(
                response, _prepared("reference", text, self.ignore_case)
            ),
        )


def _prepared(what: str, text: str, ignore_case: bool) -> str:
    refuse_longer(what, text, MAX_CHARACTERS)
    text = text.strip()
    return text.casefold() if ignore_case else text
