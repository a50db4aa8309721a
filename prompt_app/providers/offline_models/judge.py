"""Judges an answer by token overlap, in whatever JSON form the prompt asks for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import Answer, Draw

CORRECT_FROM = 0.6
ANSWER_NAMES = ("answer", "response", "candidate", "submission", "output", "prediction", "reply")
REFERENCE_NAMES = (
    "reference_answers",
    "references",
    "reference",
    "expected",
    "targets",
    "target",
    "ground_truth",
)
_REASON = re.compile(r"reason|explan|rationale|justif|comment|why|analysis|feedback", re.I)
_NUMBER = re.compile(r"score|rating|grade|points|confidence", re.I)
_KEY = re.compile(r"[\"'`](\w+)[\"'`]\s*:")
_FORM = re.compile(r"\{[^{}]*\}")
_WORD = re.compile(r"\w+")
_ARTICLES = frozenset({"a", "an", "the"})
_NEGATIVE = re.compile(r"\b(?:in|not[ _]?|un)correct|wrong|fail|false|\bno\b|bad|reject", re.I)


def create_judge(options: dict[str, Any]) -> Answer:
    """Replies with a JSON verdict: the prompt's JSON data gives the answer and its references,
    the schema asked for (``response_format``, or keys shown in the prompt) gives the form."""
    return answer


def answer(messages: Sequence[Message], draw: Draw) -> str:
    text = "\n".join(m.content for m in messages if m.role != "assistant")
    objects = list(_objects(text))
    data, start, end = next((o for o in reversed(objects) if _is_data(o[0])), ({}, 0, 0))
    overlap = best_overlap(_text(_named(data, ANSWER_NAMES)), _texts(_named(data, REFERENCE_NAMES)))
    correct = overlap >= CORRECT_FROM
    keys = _schema(draw.response_format)
    if keys is None:
        shown = (o[0]["properties"] for o in objects if isinstance(o[0].get("properties"), dict))
        keys = next(shown, dict.fromkeys(_shown_keys(text[:start] + text[end:])))
    reason = f"The answer shares {overlap:.0%} of its words with the closest reference."
    verdict = {key: _value(key, form, reason, overlap, correct) for key, form in keys.items()}
    return json.dumps(verdict or {"reasoning": reason, "correct": correct}, ensure_ascii=False)


def _shown_keys(text: str) -> list[str]:
    """The keys in the last ``{...}`` of the prompt that names any; else any that it names."""
    forms = [keys for form in _FORM.findall(text) if (keys := _KEY.findall(form))]
    return forms[-1] if forms else _KEY.findall(text)


def _is_data(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in ANSWER_NAMES) and any(
        name in value for name in REFERENCE_NAMES
    )


def best_overlap(text: str, references: Sequence[str]) -> float:
    """Word F1 with the closest reference, 1 where the answer contains all of it; 0 to 1."""
    return max((_overlap(_words(text), _words(one)) for one in references), default=0.0)


def _overlap(answered: Counter[str], reference: Counter[str]) -> float:
    shared = (answered & reference).total()
    if not shared:
        return 0.0
    if shared == reference.total():
        return 1.0
    return 2 * shared / (answered.total() + reference.total())


def _words(text: str) -> Counter[str]:
    return Counter(w for w in _WORD.findall(text.casefold()) if w not in _ARTICLES)


def _objects(text: str) -> Iterator[tuple[dict[str, Any], int, int]]:
    """The outermost JSON objects in ``text``, each with its start and end."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            end = start + 1
        else:
            yield value, start, end
        start = text.find("{", end)


def _named(data: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((data[name] for name in names if data.get(name) not in (None, "", [])), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value] if isinstance(value, list) else [_text(value)]


def _schema(response_format: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not response_format or response_format.get("type") != "json_schema":
        return None
    properties = response_format.get("json_schema", {}).get("schema", {}).get("properties")
    return properties if isinstance(properties, dict) else None


def _value(key: str, form: Any, reason: str, overlap: float, correct: bool) -> Any:
    form = form if isinstance(form, dict) else {}
    choices = form.get("enum")
    if isinstance(choices, list) and choices:
        negative = [c for c in choices if c is False or _NEGATIVE.search(str(c))]
        positive = [c for c in choices if c not in negative]
        return (positive or choices)[0] if correct else (negative or choices)[-1]
    kind = form.get("type")
    if kind == "boolean":
        return correct
    if kind in {"integer", "number"} or (kind is None and _NUMBER.search(key)):
        low, high = form.get("minimum", 0), form.get("maximum", 1)
        scaled = low + (high - low) * overlap
        return round(scaled) if kind == "integer" else round(scaled, 4)
    if kind == "string" or _REASON.search(key):
        return reason
    return correct
