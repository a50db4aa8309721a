"""Accuracies that a test must reach."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from prompt_app.errors import RubricError
from prompt_app.registry import nearest_names
from prompt_app.rubrics.json_files import read_object
from prompt_app.rubrics.measures import Accuracy, LessonMeasures
from prompt_app.rubrics.model import Rubric

Thresholds = dict[str, dict[str, Any]]


def read_thresholds(text: str, path: str) -> Thresholds:
    """``{lesson: {"overall": 0.7, "key_concepts": {concept: 0.7}}}``. Raises RubricError."""
    data = read_object(text, path, "map lessons to their thresholds")
    if not data:
        raise RubricError(f"{path} has no threshold: it would check nothing.")
    for lesson, given in data.items():
        if not isinstance(given, dict) or not given.keys() <= {"overall", "key_concepts"}:
            raise RubricError(f"{path}: {lesson!r} may have 'overall' and 'key_concepts'.")
        concepts = given.get("key_concepts", {})
        if not isinstance(concepts, dict):
            raise RubricError(f"{path}: 'key_concepts' of {lesson!r} must map them to numbers.")
        if "overall" not in given and not concepts:
            raise RubricError(f"{path}: {lesson!r} has no threshold: it would check nothing.")
        for name, value in [*concepts.items(), ("overall", given.get("overall", 0))]:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise RubricError(
                    f"{path}: {name!r} of {lesson!r} must be a number from 0 to 1, not {value!r}."
                )
    return data


def check_thresholds(
    thresholds: Thresholds, tested: Mapping[str, Rubric], lessons: Collection[str]
) -> list[str]:
    """Refuse a name that would check nothing; return the lessons that are not ``tested``.

    ``lessons``: all that the experiment has. Raises RubricError for a lesson that is none of
    them, and for a key concept that the rubric of a tested one does not have.
    """
    for lesson, given in thresholds.items():
        if lesson not in lessons:
            known = _known(lesson, lessons)
            raise RubricError(
                f"The thresholds name the lesson {lesson!r}, which is not there. {known}"
            )
        names = tested[lesson].names if lesson in tested else None
        for name in given.get("key_concepts", {}):
            if names is not None and name not in names:
                raise RubricError(
                    f"The thresholds of {lesson!r} name {name!r}; its rubric does not. "
                    f"{_known(name, names)}"
                )
    return [lesson for lesson in thresholds if lesson not in tested]


def _known(name: str, names: Collection[str]) -> str:
    near = nearest_names(name, names, 1)
    return f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(names))}."


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
