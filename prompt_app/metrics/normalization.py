"""The two published ways to make answers comparable, and punctuation."""

from __future__ import annotations

import re
import string
import unicodedata

_NO_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = frozenset(("a", "an", "the"))
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def squad_normalized(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, single spaces.

    Source: the normalisation of the official SQuAD 2.0 evaluation script (Rajpurkar et al. 2018,
    rajpurkar.github.io/SQuAD-explorer).
    """
    bare = text.lower().translate(_NO_ASCII_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def fmeval_normalized(text: str) -> str:
    """As fmeval's ``normalize_text_quac_protocol``, given text that it has stripped.

    Unlike SQuAD's, words are parted by the space character alone, so that a line break stays in
    the text and an article next to one is kept.
    """
    bare = text.strip().lower().translate(_NO_ASCII_PUNCTUATION)
    return " ".join(word for word in bare.split(" ") if word and word not in _ARTICLES)


def without_punctuation(text: str) -> str:
    """``text`` without the characters that Unicode counts as punctuation, or ASCII's symbols."""
    bare = text.translate(_NO_ASCII_PUNCTUATION)
    if bare.isascii():
        return bare
    return "".join(letter for letter in bare if unicodedata.category(letter)[0] != "P")
