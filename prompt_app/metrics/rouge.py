"""Overlap of n-grams, or the longest common subsequence, with a reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import NoReferenceError, TextTooLongError
from prompt_app.metrics.common import best_score, quoted, references_of, refuse_longer

MAX_CHARACTERS = 200_000
MAX_PAIRS = 2_000_000
"""Of words, response by reference: ROUGE-L fills a table of that size."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Rouge:
    """ROUGE-N or ROUGE-L (Lin 2004) with the best reference, by Google's ``rouge-score``."""

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
            "and 0-9 count; not together with stem."
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

    @cached_property
    def _scorer(self) -> Any:
        from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

        return RougeScorer([self.type], tokenizer=_GivenWords())

    @cached_property
    def _tokenizer(self) -> Any:
        from rouge_score.tokenizers import DefaultTokenizer  # type: ignore[import-untyped]

        return DefaultTokenizer(use_stemmer=self.stem)

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
        words: list[str] = self._tokenizer.tokenize(text)
        return words

    def _value(self, response: list[str], reference: list[str]) -> float:
        if self.type == "rougeL" and len(response) * len(reference) > MAX_PAIRS:
            raise TextTooLongError(
                f"{len(response):,} words by {len(reference):,} is too much for ROUGE-L, which "
                f"takes at most {MAX_PAIRS:,} pairs; use rouge1 or rouge2."
            )
        result = self._scorer.score(reference, response)[self.type]
        return float(result.fmeasure if self.measure == "f1" else getattr(result, self.measure))


class _GivenWords:
    """Stands in for rouge-score's tokenizer where the text is words already."""

    def tokenize(self, words: list[str]) -> list[str]:
        return words
