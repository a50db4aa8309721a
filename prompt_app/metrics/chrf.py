"""Sentence-level chrF."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import make_score, references_of, refuse_longer

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class ChrF:
    """F-score of character n-grams up to 6 with the best reference (Popović 2015), by sacreBLEU."""

    word_order: Annotated[
        int, Field(ge=0, le=4, description="Longest word n-gram to count too; 2 is chrF++.")
    ] = 0
    ignore_case: Annotated[bool, Field(description="Compare in lower case.")] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="chrf",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=100.0,
        description="Sentence-level chrF (sacreBLEU): character n-grams shared with the best "
        "reference.",
    )

    @cached_property
    def _chrf(self) -> CHRF:
        from prompt_app.metrics.chrf_counting import CountedChrF

        return CountedChrF(word_order=self.word_order, lowercase=self.ignore_case)

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError, TextTooLongError."""
        references = references_of(sample)
        refuse_longer("response", sample.text, MAX_CHARACTERS)
        for reference in references:
            refuse_longer("reference", reference, MAX_CHARACTERS)
        value: float = self._chrf.sentence_score(sample.text, references).score
        return make_score(self.info, min(value, 100.0))
