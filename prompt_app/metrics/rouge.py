"""Overlap of n-grams, or the longest common subsequence, with a reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from rapidfuzz.distance import LCSseq

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import EvaluationError, NoReferenceError
from prompt_app.metrics.common import best_score, quoted, references_of, refuse_longer
from prompt_app.metrics.ngrams import shared, word_ngrams

MAX_CHARACTERS = 200_000
CACHED_WORDS, LONGEST_CACHED = 20_000, 40
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Rouge:
    """ROUGE-N or ROUGE-L (Lin 2004) with the best reference.

    The words are those of Google's ``rouge-score``, and so are the values. Only the counting is
    here: that library's scorer takes a second to import, and its ROUGE-L fills a table in Python,
    one cell for each pair of words.
    """

    type: Annotated[
        Literal["rouge1", "rouge2", "rougeL"],
        Field(description="Single words, pairs of words, or the longest common subsequence."),
    ] = "rougeL"
    measure: Annotated[
        Literal["f1", "precision", "recall"], Field(description="Which of the three is scored.")
    ] = "f1"
    stem: Annotated[bool, Field(description="Compare English word stems (Porter).")] = False
    unicode: Annotated[
        bool,
        Field(
            description="Take words of every script. Without it, as in the original, only a-z "
            "and 0-9 count."
        ),
    ] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="rouge",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        description="ROUGE with the best reference: overlap of words, word pairs, or the longest "
        "common subsequence.",
    )

    def __post_init__(self) -> None:
        if self.stem and self.unicode:
            raise EvaluationError("rouge stems English words only: leave out 'stem' or 'unicode'.")

    @cached_property
    def _stemmer(self) -> Any:
        if not self.stem:
            return None
        from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

        return _CachedStemmer(PorterStemmer().stem)

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError where no reference has a word, TextTooLongError."""
        response = self._words("response", sample.text)
        words = {text: self._words("reference", text) for text in references_of(sample)}
        if not any(words.values()):
            raise NoReferenceError(
                f"The reference {quoted(sample.references[0])} holds no word of a-z and 0-9; "
                "set the option 'unicode' for other scripts."
            )
        return best_score(self.info, sample, lambda text: self._value(response, words[text]))

    def _words(self, what: str, text: str) -> list[str]:
        refuse_longer(what, text, MAX_CHARACTERS)
        if self.unicode:
            return _WORD.findall(text.casefold())
        from rouge_score.tokenize import tokenize  # type: ignore[import-untyped]

        words: list[str] = tokenize(text, self._stemmer)
        return words

    def _value(self, response: list[str], reference: list[str]) -> float:
        if self.type == "rougeL":
            common = LCSseq.similarity(response, reference)
            sizes = len(response), len(reference)
        else:
            length = int(self.type[-1])
            common = shared(word_ngrams(response, length), length, reference)
            sizes = max(0, len(response) - length + 1), max(0, len(reference) - length + 1)
        if self.measure == "f1":
            return 2 * common / max(sum(sizes), 1)
        return common / max(sizes[0] if self.measure == "precision" else sizes[1], 1)


class _CachedStemmer:
    """Words come again and again, and Porter's rules take 30 us for each. Longer ones than
    English has are not kept."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        self._stem = stem
        self._cached = lru_cache(maxsize=CACHED_WORDS)(stem)

    def stem(self, word: str) -> str:
        return self._cached(word) if len(word) <= LONGEST_CACHED else self._stem(word)
