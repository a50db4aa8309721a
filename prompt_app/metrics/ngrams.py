"""Word n-grams, counted and shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

Ngram = tuple[str, ...]


def word_ngrams(words: Sequence[str], length: int) -> Counter[Ngram]:
    """How often each run of ``length`` words occurs."""
    return Counter(_runs(words, length))


def shared(ours: Counter[Ngram], length: int, *texts: Sequence[str]) -> int:
    """N-grams of ``ours`` that one of ``texts`` (each in words) has too, each as often as that
    allows.

    Only what ``ours`` has is counted in the texts: most n-grams of long texts it has not.
    """
    most: dict[Ngram, int] = {}
    for words in texts:
        for gram, count in Counter(filter(ours.__contains__, _runs(words, length))).items():
            most[gram] = max(most.get(gram, 0), count)
    return sum(min(ours[gram], count) for gram, count in most.items())


def _runs(words: Sequence[str], length: int) -> Iterator[Ngram]:
    return zip(*(words[start:] for start in range(length)), strict=False)
