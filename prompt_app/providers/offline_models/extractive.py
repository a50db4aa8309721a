"""Answers a question with a span of the passage in the prompt, by lexical means alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import Answer, Draw
from prompt_app.providers.offline_models.arithmetic import attempt, is_word_problem
from prompt_app.providers.offline_models.reading import content_stems, read_prompt, stem_weights
from prompt_app.providers.offline_models.spans import Question, find_spans

UNKNOWN = "I don't know."
SENTENCES_SEARCHED = 3
SENTENCE_WEIGHT = 2.0
PAIR_WEIGHT = 0.7
REMEMBERED_QUESTIONS = 256


def create_extractive(options: dict[str, Any]) -> Answer:
    """Replies with the likeliest span, ``I don't know.`` without a passage, and at a word problem
    with an attempt that ends in ``#### N``."""
    return answer


def answer(messages: Sequence[Message], draw: Draw) -> str:
    if is_word_problem(messages):
        return attempt(messages)
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


@lru_cache(REMEMBERED_QUESTIONS)
def rank_spans(question: str, sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Distinct spans of the passage, likeliest answer first."""
    weights = stem_weights(sentences)
    order = content_stems(question)
    asked = {one: weights.get(one, 0.0) for one in order}
    pairs = set(pairwise(order))
    by_overlap = sorted(
        (
            (_overlap(sentence, asked, pairs), -at, sentence)
            for at, sentence in enumerate(sentences)
        ),
        reverse=True,
    )[:SENTENCES_SEARCHED]
    best = by_overlap[0][0]
    parsed = Question(question, weights)
    scored: dict[str, float] = {}
    for overlap, _, sentence in by_overlap:
        base = SENTENCE_WEIGHT * (overlap - best)
        for text, score in find_spans(parsed, sentence, sentences[0]):
            scored[text] = max(base + score, scored.get(text, float("-inf")))
    return tuple(sorted(scored, key=lambda text: (-scored[text], text)))


def _overlap(sentence: str, asked: dict[str, float], pairs: set[tuple[str, str]]) -> float:
    stems = content_stems(sentence)
    together = set(pairwise(stems)) & pairs
    return sum(asked.get(one, 0.0) for one in set(stems)) + PAIR_WEIGHT * len(together)
