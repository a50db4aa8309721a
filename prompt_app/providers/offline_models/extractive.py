"""Answers a question with a span of the passage in the prompt, by lexical means alone."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import Answer, Draw, last_user_text
from prompt_app.providers.offline_models.arithmetic import attempt, is_word_problem
from prompt_app.providers.offline_models.reading import (
    STOP_WORDS,
    WORD,
    content_stems,
    read_prompt,
    stem,
    stem_weights,
)

UNKNOWN = "I don't know."
SENTENCES_SEARCHED = 4
LONGEST_SPAN = 9
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(
    rf"(?:\d{{1,2}} )?(?:{_MONTH})(?: \d{{1,2}},?)?(?: \d{{4}})?|\b1\d{{3}}\b|\b20\d{{2}}\b"
    r"|\b\d{1,2}(?:st|nd|rd|th) century"
)
_NUMBER = re.compile(r"\d[\d,.]*\d%?|\d%?|\b(?:two|three|four|five|six|seven|eight|nine|ten)\b")
_NAME = re.compile(r"\b[A-Z][\w’'\-]*(?:(?: of| the| de| and)*(?: |-)(?:[A-Z][\w’'\-]*|\d+\b))*")
_CHUNK_END = re.compile(r"[,;:()\[\]\"“”–—]|\s-\s|\.\s|\.$")
_KINDS = (
    ("date", re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|century|month)", re.I)),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|old|long|far|tall|large|big)\b|\bpercentage\b|\bnumber\b", re.I
        ),
    ),
    ("place", re.compile(r"\bwhere\b|\b(?:country|city|state|place|continent)\b", re.I)),
    (
        "name",
        re.compile(r"\bwho(?:m|se)?\b|\b(?:company|person|name|team|river|university)\b", re.I),
    ),
)
_TYPED = {"date": _DATE, "number": _NUMBER, "place": _NAME, "name": _NAME}


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    start: int
    end: int
    """In words of its sentence."""
    bonus: float


def create_extractive(options: dict[str, Any]) -> Answer:
    """Replies with the likeliest span, ``I don't know.`` without a passage, and an attempt that
    ends in ``#### N`` at a word problem."""
    return answer


def answer(messages: Sequence[Message], draw: Draw) -> str:
    if is_word_problem(messages):
        return attempt(last_user_text(messages))
    reading = read_prompt(messages)
    if not reading.passage or not reading.question:
        return UNKNOWN
    ranked = rank_spans(reading.question, reading.passage)
    if not ranked:
        return UNKNOWN
    return ranked[_choose(len(ranked), reading.question, draw)]


def _choose(count: int, question: str, draw: Draw) -> int:
    """The best at temperature 0; above it the next ones too, geometrically less likely."""
    if draw.temperature <= 0:
        return 0
    chance = random.Random(f"{draw.seed}/{draw.index}/{question}").random()
    keep = draw.temperature / (1 + draw.temperature)
    rank = 0
    while rank + 1 < count and chance < keep ** (rank + 1):
        rank += 1
    return rank


def rank_spans(question: str, sentences: Sequence[str]) -> list[str]:
    """Distinct spans of the passage, likeliest answer first: dates, numbers, places or names where
    the question asks for one, whole sentences where it is open."""
    weights = stem_weights(sentences)
    asked = {s: weights.get(s, 0.0) for s in content_stems(question)}
    order = content_stems(question)
    pairs = set(pairwise(order))
    kind = next((name for name, pattern in _KINDS if pattern.search(question)), None)
    if kind is None:
        # A long sentence shares words by its length alone.
        rating = {
            s: _sentence_score(s, asked, pairs) / (1 + len(s.split())) ** 0.25 for s in sentences
        }
        return sorted(rating, key=lambda text: (-rating[text], text))
    by_overlap = sorted(sentences, key=lambda s: _sentence_score(s, asked, pairs), reverse=True)[
        :SENTENCES_SEARCHED
    ]
    scored: dict[str, float] = {}
    for sentence in by_overlap:
        base = 1.5 * _sentence_score(sentence, asked, pairs)
        words = [(m.start(), stem(m.group())) for m in WORD.finditer(sentence)]
        for span in _candidates(sentence, kind, question):
            score = base + span.bonus + _nearness(words, span, asked)
            if score > scored.get(span.text, float("-inf")):
                scored[span.text] = score
    return sorted(scored, key=lambda text: (-scored[text], text))


def _sentence_score(sentence: str, asked: dict[str, float], pairs: set[tuple[str, str]]) -> float:
    stems = content_stems(sentence)
    together = set(pairwise(stems)) & pairs
    return sum(asked.get(s, 0.0) for s in set(stems)) + 0.7 * len(together)


def _nearness(words: list[tuple[int, str]], span: _Span, asked: dict[str, float]) -> float:
    """Question words count the more the nearer they stand; inside the span they count against
    it, since an answer seldom repeats its question."""
    total = 0.0
    for at, (_, word) in enumerate(words):
        weight = asked.get(word)
        if weight is None:
            continue
        if span.start <= at < span.end:
            total -= 1.2 * weight
        else:
            distance = span.start - at if at < span.start else at - span.end + 1
            total += weight / (1 + distance) ** 0.5
    return total


def _candidates(sentence: str, kind: str, question: str) -> Iterator[_Span]:
    starts = [m.start() for m in WORD.finditer(sentence)]

    def span(start: int, end: int, bonus: float) -> _Span:
        text = sentence[start:end].strip(" .,;:")
        first = sum(1 for at in starts if at < start)
        last = sum(1 for at in starts if at < end)
        return _Span(text, first, last, bonus)

    yield from (
        span(m.start(), m.end(), 3.0)
        for m in _TYPED[kind].finditer(sentence)
        if m.group().casefold() not in STOP_WORDS
    )
    begin = 0
    for end in [*(m.start() for m in _CHUNK_END.finditer(sentence)), len(sentence)]:
        chunk = sentence[begin:end]
        words = list(WORD.finditer(chunk))
        content = any(w.group().casefold() not in STOP_WORDS for w in words)
        if content and len(words) <= LONGEST_SPAN:
            yield span(begin, end, 0.0)
        begin = end + 1
