"""Word n-grams, counted and shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Ngrams = Counter[tuple[str, ...]]


def word_ngrams(words: Sequence[str], length: int) -> Ngrams:
    """How often each run of ``length`` words occurs."""
    return Counter(zip(*(words[start:] for start in range(length)), strict=False))


def shared(ours: Ngrams, *others: Ngrams) -> int:
    """N-grams of ``ours`` that one of ``others`` has too, each as often as that allows.

    Over the n-grams in common only: most of two long texts' are not.
    """
    most: dict[tuple[str, ...], int] = {}
    for theirs in others:
        for gram in ours.keys() & theirs.keys():
            most[gram] = max(most.get(gram, 0), theirs[gram])
    return sum(min(ours[gram], count) for gram, count in most.items())
