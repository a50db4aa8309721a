"""Sentence-level BLEU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import make_score, references_of, refuse_longer

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

MAX_CHARACTERS = 200_000


@dataclass(frozen=True)
class Bleu:
    """BLEU of one response against all its references at once, as sacreBLEU defines it
    (Papineni et al. 2002; Post 2018), with effective order and exponential smoothing."""

    ignore_case: Annotated[bool, Field(description="Compare in lower case.")] = False
    tokenize: Annotated[
        Literal["13a", "intl", "zh", "char", "none"],
        Field(description="sacreBLEU's tokenizer; zh and char for text without spaces."),
    ] = "13a"

    info: ClassVar[MetricInfo] = MetricInfo(
        name="bleu",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=100.0,
        description="Sentence-level BLEU (sacreBLEU) against all references together.",
    )

    @cached_property
    def _bleu(self) -> BLEU:
        from prompt_app.metrics.bleu_counting import CountedBleu

        return CountedBleu(
            lowercase=self.ignore_case, tokenize=self.tokenize, effective_order=True, force=True
        )

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError, TextTooLongError."""
        references = references_of(sample)
        refuse_longer("response", sample.text, MAX_CHARACTERS)
        for reference in references:
            refuse_longer("reference", reference, MAX_CHARACTERS)
        result = self._bleu.sentence_score(sample.text, references)
        _forget_texts(self._bleu.tokenizer)
        precisions = "/".join(f"{precision:.0f}" for precision in result.precisions)
        reason = f"n-gram precisions {precisions}, brevity penalty {result.bp:.2f}"
        # A perfect match comes out a rounding error above 100.
        return make_score(self.info, min(result.score, 100.0), reason)


def _forget_texts(tokenizer: Any) -> None:
    """sacreBLEU keeps the last 65,536 texts in each tokenizer's cache, of whatever length."""
    for cached in (tokenizer, getattr(tokenizer, "_post_tokenizer", None)):
        clear = getattr(type(cached).__call__, "cache_clear", None)
        if clear is not None:
            clear()
