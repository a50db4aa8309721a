"""Precision, recall and F1 over words, as Amazon's fmeval defines them.

Source: ``precision_over_words``, ``recall_over_words`` and ``f1_score`` of github.com/aws/fmeval,
``eval_algorithms/qa_accuracy.py``. Both texts are normalised and become sets of words, so a
repeated word counts once. Where a value would divide by no words at all it is 0.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import best_score
from prompt_app.metrics.normalization import fmeval_normalized


@dataclass(frozen=True)
class WordPrecision:
    """Share of the response's words that are in the best reference."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="word_precision",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        description="fmeval's precision over words: share of the response's distinct words that "
        "are in the best reference.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = _words(sample.text)
        return best_score(self.info, sample, lambda text: _share(response, _words(text)))


@dataclass(frozen=True)
class WordRecall:
    """Share of the best reference's words that are in the response."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="word_recall",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        description="fmeval's recall over words: share of the best reference's distinct words "
        "that are in the response.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = _words(sample.text)
        return best_score(self.info, sample, lambda text: _share(_words(text), response))


@dataclass(frozen=True)
class WordF1:
    """Harmonic mean of word precision and word recall."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="word_f1",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        description="fmeval's F1 over words: harmonic mean of precision and recall over distinct "
        "words, for the best reference.",
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError."""
        response = _words(sample.text)
        return best_score(self.info, sample, lambda text: _set_f1(response, _words(text)))


def _words(text: str) -> Set[str]:
    return set(fmeval_normalized(text).split())


def _share(of: Set[str], inside: Set[str]) -> float:
    return len(of & inside) / len(of) if of else 0.0


def _set_f1(one: Set[str], other: Set[str]) -> float:
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0
