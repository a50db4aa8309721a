"""Exact match and F1 of the official SQuAD 2.0 evaluation script."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import best_score, match_score
from prompt_app.metrics.normalization import squad_normalized


@dataclass(frozen=True)
class SquadExactMatch:
    """1 where response and a reference are equal after SQuAD's normalisation."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="squad_em",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="SQuAD exact match: 1 where response and a reference are equal without case, "
        "punctuation, articles and extra spaces.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = squad_normalized(sample.text)
        return match_score(self.info, sample, lambda text: squad_normalized(text) == response)


@dataclass(frozen=True)
class SquadF1:
    """F1 over the bags of words that SQuAD's normalisation leaves; the best over the references.

    Source: ``compute_f1`` of the official SQuAD 2.0 evaluation script. Where either side has no
    words left the value is 1 if both have none, else 0.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="squad_f1",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        description="SQuAD F1: overlap of the words of response and best reference, without "
        "case, punctuation and articles; repeated words count.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = Counter(squad_normalized(sample.text).split())
        return best_score(
            self.info,
            sample,
            lambda text: _bag_f1(response, Counter(squad_normalized(text).split())),
        )


def _bag_f1(response: Counter[str], reference: Counter[str]) -> float:
    if not response or not reference:
        return float(response == reference)
    shared = (response & reference).total()
    return 2 * shared / (response.total() + reference.total())
