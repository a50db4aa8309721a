"""A deterministic attempt at arithmetic word problems: sometimes right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import last_user_text
from prompt_app.providers.offline_models.reading import read_prompt, split_sentences

ANSWER_MARK = "####"
LONGEST_PROBLEM_WORDS = 150
FEWEST_NUMBERS = 2
LARGEST = 1e12
_ASKS_AMOUNT = re.compile(r"\bhow (?:many|much|far|long|old)\b|\bwhat (?:is|was) the total\b", re.I)
_PASSAGE = re.compile(
    r"<(?:document|context|passage|text)>|^\s*(?:document|context|passage|text)\s*:", re.I | re.M
)
_WORD_NUMBERS = {
    **{
        word: float(number)
        for number, word in enumerate(
            ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=2
        )
    },
    "twice": 2.0,
    "double": 2.0,
    "half": 0.5,
    "dozen": 12.0,
}
_NUMBER = re.compile(
    r"(?<![\w.])\$?(\d[\d,]*(?:\.\d+)?)(%?)(?!\w)|\b(" + "|".join(_WORD_NUMBERS) + r")\b", re.I
)
_FACTOR_WORDS = frozenset({"twice", "double", "half", "dozen"})
_SCALES = re.compile(
    r"\btimes\b|\beach\b|\bper\b|\bevery\b|\bapiece\b|/|\ba (?:day|week|month)\b", re.I
)
_TAKES = re.compile(
    r"\b(?:ga?ive[sn]?|gave|ate|eats?|lost|loses?|spen[dt]s?|us(?:es|ed)|sold|sells|less|fewer|away"
    r"|breaks?|broke|remov\w+|donat\w+|took|takes out|paid|left over)\b",
    re.I,
)


def is_word_problem(messages: Sequence[Message]) -> bool:
    """Whether the prompt asks for ``#### N``, or is a short text with numbers that asks for an
    amount and is not marked as a passage to read."""
    if any(ANSWER_MARK in m.content for m in messages if m.role != "assistant"):
        return True
    text = last_user_text(messages)
    return (
        len(text) < 8 * LONGEST_PROBLEM_WORDS
        and _PASSAGE.search(text) is None
        and len(text.split()) <= LONGEST_PROBLEM_WORDS
        and _ASKS_AMOUNT.search(text) is not None
        and len(_NUMBER.findall(text)) >= FEWEST_NUMBERS
    )


def attempt(messages: Sequence[Message]) -> str:
    """Fold the numbers of the problem by the words around them; ends in ``#### N``."""
    reading = read_prompt(messages, least_words=0)
    steps, result = [], 0.0
    for sentence in [*reading.passage, *split_sentences(reading.question)]:
        for found in _NUMBER.finditer(sentence):
            before, result = result, _fold(result, found, sentence)
            if before != result:
                steps.append(f"{_written(before)} -> {_written(result)}")
    return f"{'; '.join(steps) or 'I see no numbers'}.\n{ANSWER_MARK} {_written(result)}"


def _fold(result: float, found: re.Match[str], sentence: str) -> float:
    digits, percent, word = found.groups()
    number = _WORD_NUMBERS[word.lower()] if word else float(digits.replace(",", ""))
    clause = sentence[max(0, found.start() - 30) : found.end() + 25]
    if not result:
        folded = number
    elif percent:
        folded = result * number / 100
    elif (word and word.lower() in _FACTOR_WORDS) or _SCALES.search(clause):
        folded = result * number
    elif _TAKES.search(clause):
        folded = result - number
    else:
        folded = result + number
    return folded if abs(folded) < LARGEST else result


def _written(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
