"""Spans of a sentence that may answer a question, with scores.

An answer tends to stand next to words of its question without repeating them: between them, on
the other side of "is" where a definition is asked for, after "known as" where a name is. Dates,
numbers and names are looked for where the question asks for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt_app.providers.offline_models.reading import STOP_WORDS, WORD

MOST_WORDS = 10
TYPE_BONUS = 4.0
NAMED_BONUS = 3.0
COPULA_BONUS = 2.5
SUBJECT_PENALTY = 2.0
PREPOSITION_BONUS = 2.0
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(
    rf"(?:\d{{1,2}} )?(?:{_MONTH})\b(?: \d{{1,2}}\b,?)?(?: \d{{4}}\b)?|\b1\d{{3}}s?\b"
    r"|\b20\d{2}s?\b|\b\d{1,2}(?:st|nd|rd|th) century"
)
_NUMBER = re.compile(
    r"(?:\$|€|£)?\b\d[\d,.]*\d%?|\b\d%?|\b(?:two|three|four|five|six|seven|eight|nine|ten)\b"
    r"(?: (?:million|billion|thousand|hundred))?"
)
_NAME = re.compile(r"\b[A-Z][\w’'\-]*(?:(?: of| the| de| van| von)*[ -](?:[A-Z][\w’'\-]*|\d+\b))*")
_KINDS = (
    (_DATE, re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|century|month)\b", re.I)),
    (
        _NUMBER,
        re.compile(
            r"\bhow (?:many|much|old|long|far|tall|large|big)\b|\bpercentage\b|\bnumber\b", re.I
        ),
    ),
    (
        _NAME,
        re.compile(
            r"\bwho(?:m|se)?\b|\bwhere\b|\b(?:what|which) (?:\w+ )?(?:country|city|state|continent"
            r"|company|person|team|river|university|language|religion|nation|king|queen)\b",
            re.I,
        ),
    ),
)
_ASKS_PERSON = re.compile(r"\bwho(?:m|se)?\b", re.I)
_BEFORE_PERSON = re.compile(r"\bby (?:the )?$")
_ASKS_PLACE = re.compile(r"\bwhere\b|\b(?:country|city|state|continent)\b", re.I)
_BEFORE_PLACE = re.compile(r"\b(?:in|at|from|near|to) (?:the )?$")
_ASKS_NAME = re.compile(
    r"\bcalled\b|\bknown as\b|\babbreviat|\b(?:another|other|which|what) (?:name|term|word)\b"
    r"|\bnamed\b|\bterm for\b",
    re.I,
)
_NAMED = re.compile(
    r"\b(?:(?:also |often |commonly |sometimes )*(?:known|called|named|abbreviated|termed|dubbed"
    r"|referred to))(?: in \w+)?(?: as)? "
)
_ASKS_DEFINITION = re.compile(
    r"^\W*(?:what|who|which)\b(?! (?:\w+ )?(?:did|do|does|year|date|century)\b)", re.I
)
_COPULA = re.compile(r"\b(?:is|are|was|were|refers to|means)\b")
_BOUNDARY = re.compile(
    r"[,;:()\[\]\"“”]|[–—]|\.(?:\s|$)|\b(?:which|that|who|when|where|because|while|whereas|and then"
    r"|such as|but)\b"
)
_LIGHT_ENDINGS = ("ing", "ied", "ies", "ed", "es", "s")


def light_stem(word: str) -> str:
    """The word without its inflection: developed and develop are one, pharmacy and pharma two."""
    word = word.casefold().removesuffix("'s").removesuffix("’s")
    for ending in _LIGHT_ENDINGS:
        if len(word) - len(ending) >= 3 and word.endswith(ending):
            return word[: -len(ending)].removesuffix("e")
    return word.removesuffix("e")


class Question:
    """A question with the weights of its words."""

    def __init__(self, text: str, weights: dict[str, float]) -> None:
        self.text = text
        self.words = {
            light_stem(word): weights.get(word.casefold()[:5], 1.0)
            for word in WORD.findall(text)
            if word.casefold() not in STOP_WORDS
        }
        self.kind = next((kind for kind, asks in _KINDS if asks.search(text)), None)
        self.preposition = next(
            (
                before
                for asks, before in (
                    (_ASKS_PERSON, _BEFORE_PERSON),
                    (_ASKS_PLACE, _BEFORE_PLACE),
                )
                if asks.search(text)
            ),
            None,
        )
        self.asks_name = _ASKS_NAME.search(text) is not None
        self.asks_definition = _ASKS_DEFINITION.search(text) is not None

    def weight(self, word: str) -> float:
        return self.words.get(light_stem(word), 0.0)

    def repeats(self, text: str) -> bool:
        """Whether ``text`` says nothing that the question does not say itself."""
        words = [word for word in WORD.findall(text) if word.casefold() not in STOP_WORDS]
        return all(self.weight(word) for word in words)


def find_spans(question: Question, sentence: str, first: str) -> Iterator[tuple[str, float]]:
    """Spans of ``sentence``, and the name that the passage (its ``first`` sentence) begins with
    where a name is asked for; higher scores are likelier."""
    words = [(m.start(), m.end(), question.weight(m.group())) for m in WORD.finditer(sentence)]
    for start, end, bonus in _places(question, sentence, words):
        text = sentence[start:end].strip(" .,;:–—-'\"")
        if text and not question.repeats(text):
            yield text, bonus + _nearness(words, start, end)
    subject = _NAME.match(first)
    if question.kind is _NAME and subject is not None and not question.repeats(subject.group()):
        yield subject.group(), TYPE_BONUS - SUBJECT_PENALTY


def _places(
    question: Question, sentence: str, words: list[tuple[int, int, float]]
) -> Iterator[tuple[int, int, float]]:
    """Start, end and bonus of every candidate."""
    if question.kind is not None:
        before = question.preposition
        for found in question.kind.finditer(sentence):
            led = before is not None and before.search(sentence, 0, found.start())
            yield found.start(), found.end(), TYPE_BONUS + (PREPOSITION_BONUS if led else 0.0)
    if question.asks_name:
        for found in _NAMED.finditer(sentence):
            yield found.end(), _boundary(sentence, found.end()), NAMED_BONUS
    if question.asks_definition:
        yield from _around_copula(sentence, words)
    yield from ((start, end, 0.0) for start, end in _gaps(sentence, words))


def _around_copula(
    sentence: str, words: list[tuple[int, int, float]]
) -> Iterator[tuple[int, int, float]]:
    """What is X? "X is ..."; what is the ... of Y? "... is the ... of Y"."""
    found = _COPULA.search(sentence)
    if found is None:
        return
    before = sum(weight for start, _, weight in words if start < found.start())
    after = sum(weight for start, _, weight in words if start > found.start())
    if before >= after:
        yield found.end(), _boundary(sentence, found.end()), COPULA_BONUS
    else:
        yield 0, _boundary(sentence, 0, found.start()), COPULA_BONUS


def _boundary(sentence: str, start: int, end: int | None = None) -> int:
    """Where a phrase that begins at ``start`` ends."""
    stop = len(sentence) if end is None else end
    found = _BOUNDARY.search(sentence, start, stop)
    stop = stop if found is None else found.start()
    words = list(WORD.finditer(sentence, start, stop))
    return words[MOST_WORDS - 1].end() if len(words) > MOST_WORDS else stop


def _gaps(sentence: str, words: list[tuple[int, int, float]]) -> Iterator[tuple[int, int]]:
    """Phrases between boundaries and words of the question, without stop words at their ends."""
    begin = 0
    breaks = [(m.start(), m.end()) for m in _BOUNDARY.finditer(sentence)]
    breaks += [(start, end) for start, end, weight in words if weight]
    for break_start, break_end in [*sorted(breaks), (len(sentence), len(sentence))]:
        inner = list(WORD.finditer(sentence, begin, max(begin, break_start)))
        while inner and inner[0].group().casefold() in STOP_WORDS:
            inner.pop(0)
        while inner and inner[-1].group().casefold() in STOP_WORDS:
            inner.pop()
        if inner:
            yield inner[0].start(), inner[:MOST_WORDS][-1].end()
        begin = max(begin, break_end)


def _nearness(words: list[tuple[int, int, float]], start: int, end: int) -> float:
    """Question words count the more the nearer they stand; inside the span they count against
    it."""
    total = 0.0
    first = sum(1 for _, word_end, _ in words if word_end <= start)
    last = sum(1 for word_start, _, _ in words if word_start < end)
    for at, (_, _, weight) in enumerate(words):
        if not weight:
            continue
        if first <= at < last:
            total -= 0.6 * weight
        else:
            total += weight / (1 + (first - at if at < first else at - last + 1))
    return total
