"""Exact match after fmeval's normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import match_score
from prompt_app.metrics.normalization import fmeval_normalized


@dataclass(frozen=True)
class QuasiExactMatch:
    """1 where response and a reference are equal after normalisation.

    Source: ``quasi_exact_match_score`` of github.com/aws/fmeval,
    ``eval_algorithms/qa_accuracy.py``.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="quasi_exact_match",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="fmeval's quasi-exact match: 1 where response and a reference are equal "
        "without case, punctuation, articles and extra spaces.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = fmeval_normalized(sample.text)
        return match_score(self.info, sample, lambda text: fmeval_normalized(text) == response)
