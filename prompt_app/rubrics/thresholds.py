"""Accuracies that a test must reach."""

from __future__ import annotations

import json
from typing import Any

from prompt_app.errors import RubricError
from prompt_app.rubrics.measures import Accuracy, LessonMeasures
from prompt_app.rubrics.model import Rubric

Thresholds = dict[str, dict[str, Any]]


def read_thresholds(text: str, path: str) -> Thresholds:
    """``{lesson: {"overall": 0.7, "key_concepts": {concept: 0.7}}}``. Raises RubricError."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RubricError(f"{path} is not valid JSON: {error}.") from None
    if not isinstance(data, dict):
        raise RubricError(f"{path} must map lessons to their thresholds.")
    for lesson, given in data.items():
        if not isinstance(given, dict) or not given.keys() <= {"overall", "key_concepts"}:
            raise RubricError(f"{path}: {lesson!r} may have 'overall' and 'key_concepts'.")
        concepts = given.get("key_concepts", {})
        if not isinstance(concepts, dict):
            raise RubricError(f"{path}: 'key_concepts' of {lesson!r} must map them to numbers.")
        for name, value in [*concepts.items(), ("overall", given.get("overall", 0))]:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise RubricError(
                    f"{path}: {name!r} of {lesson!r} must be a number from 0 to 1, not {value!r}."
                )
    return data


def check_thresholds(thresholds: Thresholds, lesson: str, rubric: Rubric) -> None:
    """Raises RubricError for a key concept that the lesson's rubric does not have."""
    for name in thresholds.get(lesson, {}).get("key_concepts", {}):
        if name not in rubric.names:
            raise RubricError(f"The thresholds of {lesson!r} name {name!r}; its rubric does not.")


def missed(thresholds: Thresholds, lesson: str, measures: LessonMeasures) -> list[str]:
    """One sentence for each accuracy that is below its threshold, or has no value."""
    given = thresholds.get(lesson, {})
    wanted = dict(given.get("key_concepts", {}))
    sentences = [
        _sentence(lesson, concept.name, concept.accuracy, wanted[concept.name])
        for concept in measures.concepts
        if concept.name in wanted
    ]
    if "overall" in given:
        sentences.append(_sentence(lesson, "overall", measures.overall.accuracy, given["overall"]))
    return [sentence for sentence in sentences if sentence]


def _sentence(lesson: str, name: str, accuracy: Accuracy, wanted: float) -> str:
    if accuracy.value is None:
        return f"{lesson}, {name}: no label could be compared, {wanted:.0%} is asked for"
    if accuracy.value < wanted:
        return f"{lesson}, {name}: accuracy {accuracy.value:.1%} is below {wanted:.1%}"
    return ""
