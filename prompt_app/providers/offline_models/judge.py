"""Judges an answer by the words it shares with its references, in whatever JSON form the prompt
asks for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.prompt import Message
from prompt_app.providers.offline_models import Answer, Draw

CORRECT_FROM = 0.6
DEEPEST = 8
ANSWER_NAMES = ("answer", "response", "candidate", "submission", "output", "prediction", "reply")
REFERENCE_NAMES = (
    "references",
    "reference",
    "reference_answers",
    "reference_answer",
    "expected",
    "targets",
    "target",
)
CONTEXT_NAMES = ("contexts", "context", "passages", "passage", "document", "documents")
QUESTION_NAMES = ("question", "prompt", "input", "criterion")
_DATA_NAMES = frozenset((*ANSWER_NAMES, *REFERENCE_NAMES, *CONTEXT_NAMES, *QUESTION_NAMES))
_NUMBER = re.compile(r"score|rating|grade|points|confidence", re.I)
_REASON = re.compile(r"reason|explan|rationale|justif|comment|why|analysis|feedback", re.I)
_FAULT = re.compile(r"toxic|stereotyp|refus|bias|harm|hallucinat|offens|irrelevant|wrong", re.I)
_NEGATIVE = re.compile(r"\b(?:in|not[ _]?|un)correct|wrong|fail|false|\bno\b|bad|reject", re.I)
_KEY = re.compile(r"[\"'`](\w+)[\"'`]\s*:")
_WORD = re.compile(r"\w+")
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge holds of an answer, before it is put into a form."""

    overlap: float
    """0 to 1."""
    text: str
    reason: str

    @property
    def correct(self) -> bool:
        return self.overlap >= CORRECT_FROM


def create_judge(options: dict[str, Any]) -> Answer:
    """Replies with a JSON verdict. The last JSON object in the prompt with an answer, references
    or contexts is what is judged; the form is the JSON schema in ``response_format`` or in the
    prompt, else the keys that the prompt shows."""
    return answer


def answer(messages: Sequence[Message], draw: Draw) -> str:
    text = "\n".join(m.content for m in messages if m.role != "assistant")
    objects = list(_objects(text))
    data, start, end = next((o for o in reversed(objects) if _is_data(o[0])), ({}, 0, 0))
    opinion = _opinion(data)
    schema = _schema(draw.response_format) or next(
        (value for value, _, _ in objects if isinstance(value.get("properties"), dict)), None
    )
    if schema is None:
        shown = [key for key in _KEY.findall(text[:start] + text[end:]) if key not in data]
        schema = {"properties": {key: {} for key in shown or ("reasoning", "correct")}}
    return json.dumps(_object(schema, opinion, 0), ensure_ascii=False)


def best_overlap(text: str, references: Sequence[str]) -> float:
    """Word F1 with the closest reference, 1 where the text contains all of it; 0 to 1."""
    return max((_overlap(_words(text), _words(one)) for one in references), default=0.0)


def _opinion(data: Mapping[str, Any]) -> Opinion:
    texts = _texts(data, ANSWER_NAMES) or _texts(data, CONTEXT_NAMES)
    text = "\n".join(texts)
    grounds = "reference"
    references = _texts(data, REFERENCE_NAMES)
    if references:
        overlap = best_overlap(text, references)
    else:
        # Nothing to be equal to: how many of the answer's words the other texts know.
        grounds = "source"
        known = _words("\n".join(_texts(data, CONTEXT_NAMES) or _texts(data, QUESTION_NAMES)))
        words = _words(text)
        overlap = (words & known).total() / words.total() if words else 0.0
    return Opinion(overlap, text, f"The overlap with the closest {grounds} is {overlap:.0%}.")


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
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value, start, end
        start = text.find("{", end)


def _is_data(value: Mapping[str, Any]) -> bool:
    return len(_DATA_NAMES & value.keys()) >= 2


def _texts(data: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    value = next((data[name] for name in names if data.get(name) not in (None, "", [])), None)
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [one if isinstance(one, str) else json.dumps(one) for one in values]


def _schema(response_format: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not response_format or response_format.get("type") != "json_schema":
        return None
    schema = response_format.get("json_schema", {}).get("schema")
    return schema if isinstance(schema, dict) and schema.get("properties") else None


def _object(schema: Mapping[str, Any], opinion: Opinion, depth: int) -> dict[str, Any]:
    return {
        key: _value(key, form if isinstance(form, dict) else {}, opinion, depth + 1)
        for key, form in schema["properties"].items()
    }


def _value(key: str, form: Mapping[str, Any], opinion: Opinion, depth: int) -> Any:
    choices = form.get("enum")
    if isinstance(choices, list) and choices:
        negative = [c for c in choices if c is False or _NEGATIVE.search(str(c))]
        positive = [c for c in choices if c not in negative]
        return (positive or choices)[0] if opinion.correct else (negative or choices)[-1]
    kind = form.get("type")
    if isinstance(form.get("properties"), dict) and depth < DEEPEST:
        return _object(form, opinion, depth)
    if kind == "array":
        return _array(key, form, opinion, depth)
    if kind in {"integer", "number"} or (kind is None and _NUMBER.search(key)):
        return _number(form, opinion.overlap)
    if kind == "string" or (kind is None and _REASON.search(key)):
        return opinion.reason if _REASON.search(key) else opinion.text
    return opinion.correct and not _FAULT.search(key)


def _array(key: str, form: Mapping[str, Any], opinion: Opinion, depth: int) -> list[Any]:
    items = form.get("items")
    if not isinstance(items, dict) or depth >= DEEPEST:
        return []
    if items.get("type") == "integer" and not opinion.correct and not form.get("minItems"):
        return []
    return [_value(key, items, opinion, depth + 1)]


def _number(form: Mapping[str, Any], overlap: float) -> float:
    low = form.get("minimum", 0)
    high = form.get("maximum", max(low, 1))
    scaled: float = low + (high - low) * overlap
    return round(scaled) if form.get("type") == "integer" else round(scaled, 4)
