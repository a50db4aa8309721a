"""Functions of one's own for pipelines: each public function of this file becomes callable once
an admin has synchronised. Type hints say what it takes and gives."""

import re


def reading_ease(text: str) -> float:
    """The Flesch reading ease: 100 is very easy, 0 very hard (R. Flesch, 1948)."""
    sentences = max(1, len(re.findall(r"[.!?]+(?:\s|$)", text)))
    words = re.findall(r"[A-Za-z']+", text)
    syllables = sum(_syllables(word) for word in words)
    count = max(1, len(words))
    return round(206.835 - 1.015 * count / sentences - 84.6 * syllables / count, 1)


def longest_words(text: str, count: int = 5) -> list[str]:
    """The longest different words, longest first."""
    words = dict.fromkeys(re.findall(r"[A-Za-z']+", text.lower()))
    return sorted(words, key=len, reverse=True)[:count]


def _syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end."""
    return max(1, len(re.findall(r"[aeiouy]+", word.lower().removesuffix("e"))))
