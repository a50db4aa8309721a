"""A deterministic attempt at arithmetic word problems: sometimes right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import last_user_text

_FORMAT = "####"
_ASKS_AMOUNT = re.compile(r"\bhow (?:many|much)\b[^?]*\?", re.I)
_NUMBER = re.compile(r"(?<![\w.])\$?(\d[\d,]*(?:\.\d+)?)(%?)")
_WORDS = {"half": 0.5, "twice": 2.0, "double": 2.0, "three": 3.0, "triple": 3.0, "four": 4.0}
_OPERATIONS = (
    ("*", re.compile(r"\b(?:each|every|per|times|apiece|twice|double|triple|half)\b", re.I)),
    ("-", re.compile(r"\b(?:left|remain\w*|gave|spent|lost|ate|fewer|less|difference)\b", re.I)),
)
LONGEST_PROBLEM_WORDS = 150
MOST_NUMBERS = 3
"""More than these are combined wrongly anyway."""


def is_word_problem(messages: Sequence[Message]) -> bool:
    """Whether the prompt asks for ``#### N``, or is a short text with numbers that asks how many
    or how much."""
    if any(_FORMAT in m.content for m in messages if m.role in {"system", "user"}):
        return True
    text = last_user_text(messages)
    return (
        len(text.split()) <= LONGEST_PROBLEM_WORDS
        and _ASKS_AMOUNT.search(text) is not None
        and len(_NUMBER.findall(text)) >= 2
    )


def attempt(text: str) -> str:
    """Combine the numbers of the problem by the words around them; ends in ``#### N``."""
    problem = "\n".join(line for line in text.splitlines() if _FORMAT not in line)
    numbers = [float(digits.replace(",", "")) for digits, _ in _NUMBER.findall(problem)]
    numbers += [value for word, value in _WORDS.items() if re.search(rf"\b{word}\b", problem, re.I)]
    if not numbers:
        return "There is no number to start from.\n#### 0"
    steps, result = f"{numbers[0]:g}", numbers[0]
    sign = next((sign for sign, pattern in _OPERATIONS if pattern.search(problem)), "+")
    for number in numbers[1:MOST_NUMBERS]:
        result = {"*": result * number, "-": result - number, "+": result + number}[sign]
        steps += f" {sign} {number:g}"
    return f"{steps} = {result:g}\n#### {result:g}"
