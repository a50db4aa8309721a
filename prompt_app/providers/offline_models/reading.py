"""Takes a prompt apart: the question, the passage it is asked of, and the passage's sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import last_user_text

LEAST_PASSAGE_WORDS = 12
STEM_LENGTH = 5
_STOP_WORDS = (
    "a an the of in on at to for from by with and or but as is are was were be been being do does "
    "did has have had it its this that these those which what who whom whose when where why how "
    "many much often also their his her they he she there into than then some any one not no can "
    "could would will should may might about out up over called name named kind type"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
WORD = re.compile(r"[^\W_](?:[\w’'\-]*[^\W_])?(?:\.[^\W_]+)*")
_SENTENCE_END = re.compile(
    r"(?<![A-Z]\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bSt\.)(?<=[.!?])[\"”')\]]*\s+|\n+"
)
_QUESTION_TAG = re.compile(r"<question>\s*(.+?)\s*</question>", re.I | re.S)
_QUESTION_LABEL = re.compile(r"^[ \t]*(?:question|q)[ \t]*:[ \t]*\n?(.+)$", re.I | re.M)
_LABEL = re.compile(
    r"^[ \t]*(?:context|passage|document|text|doc|article|answer|a|human|user|assistant)[ \t]*:",
    re.I | re.M,
)
_TAG = re.compile(r"</?[A-Za-z][\w-]*>")
_INSTRUCTION = re.compile(
    r"\W*(?:please\b|you are\b|you will\b|answer\b|use (?:only )?the\b|using\b|read\b|reply\b"
    r"|respond\b|given\b|based on\b|if the (?:answer|passage|document|context|text)\b|if you\b"
    r"|say\b|think\b|return\b|do not\b|don't\b|be (?:brief|concise|short)\b|keep\b|end\b|give\b"
    r"|here (?:is|are)\b|below\b|solve\b|write\b|your (?:task|answer)\b|only\b|just\b)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt as a reader sees it. ``passage`` is empty where the prompt holds none."""

    question: str
    passage: tuple[str, ...]


def read_prompt(messages: Sequence[Message], least_words: int = LEAST_PASSAGE_WORDS) -> Reading:
    """Find the last question and everything around it that is neither question nor instruction.
    Fewer than ``least_words`` are no passage."""
    user = last_user_text(messages)
    question, rest = _take_question(user)
    system = "\n".join(m.content for m in messages if m.role == "system")
    text = _TAG.sub("\n", _LABEL.sub("\n", f"{system}\n{rest}"))
    sentences = [s for s in split_sentences(text) if not _INSTRUCTION.match(s)]
    if sum(len(WORD.findall(sentence)) for sentence in sentences) < least_words:
        sentences = []
    return Reading(question, tuple(sentences))


def _take_question(user: str) -> tuple[str, str]:
    found = list(_QUESTION_TAG.finditer(user)) or list(_QUESTION_LABEL.finditer(user))
    if found:
        last = found[-1]
        return last.group(1).strip(), f"{user[: last.start()]}\n{user[last.end() :]}"
    lines = [line for line in _LABEL.sub("", user).splitlines() if line.strip()]
    sentences = [s for line in lines for s in split_sentences(line)]
    asking = [s for s in sentences if s.endswith("?")]
    asking = asking or [s for s in sentences[-1:] if not _INSTRUCTION.match(s)]
    question = asking[-1] if asking else ""
    before, _, after = user.rpartition(question) if question else (user, "", "")
    return question, f"{before}\n{after}"


def split_sentences(text: str) -> list[str]:
    return [s.strip() for s in _SENTENCE_END.split(text) if s and s.strip()]


def stem(word: str) -> str:
    """The first letters of a word: enough to match merger with merged."""
    return word.casefold().removesuffix("'s").removesuffix("’s")[:STEM_LENGTH]


def content_stems(text: str) -> list[str]:
    """The stems of a text's words without stop words, in order."""
    return [stem(word) for word in WORD.findall(text) if word.casefold() not in STOP_WORDS]


def stem_weights(sentences: Iterable[str]) -> dict[str, float]:
    """Inverse sentence frequency: log(1 + sentences / sentences that have the stem)."""
    sets = [set(content_stems(sentence)) for sentence in sentences]
    counts: dict[str, int] = {}
    for stems in sets:
        for one in stems:
            counts[one] = counts.get(one, 0) + 1
    return {one: math.log(1 + len(sets) / count) for one, count in counts.items()}
