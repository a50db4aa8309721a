"""sacreBLEU's BLEU with its n-grams counted order by order, in half of the time.

The score is sacreBLEU's own formula over the same counts; only how they are counted differs.
Importing this module imports sacreBLEU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.bleu import BLEU

from prompt_app.metrics.ngrams import shared, word_ngrams


class CountedBleu(BLEU):
    """Overrides the two steps that sacreBLEU lets a metric define."""

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {"words": [ref.split() for ref in refs]}

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[int]:
        """Words of the hypothesis and the nearest reference, then shared and all n-grams by order.

        An n-gram counts as often as the reference that has it most.
        """
        ours, references = hypothesis.split(), ref_kwargs["words"]
        orders = range(1, self.max_ngram_order + 1)
        nearest = self._get_closest_ref_len(len(ours), [len(words) for words in references])
        correct = [shared(word_ngrams(ours, n), n, *references) for n in orders]
        return [len(ours), nearest, *correct, *(max(0, len(ours) - n + 1) for n in orders)]
