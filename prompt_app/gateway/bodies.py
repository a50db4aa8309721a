"""What is wrong with a body, in the words of who wrote it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from prompt_app.datamodel.base import problem_text

Place = tuple[str, ...]
EXPECTED = "Input should be "


def first_problem(error: ValidationError, body: bytes) -> tuple[str, str]:
    """The place of the first field that is wrong, empty for the body itself, and what is expected
    there. A value that may be of several types has a problem with each of them: where one of them
    got further into the value that one is told, else what all of them expect."""
    try:
        given = from_json(body)
    except ValueError:
        given = None
    problems = [
        (_place(problem["loc"], given, problem["type"]), problem_text(problem))
        for problem in error.errors(include_url=False, include_input=False)
    ]
    first = problems[0][0]
    of_it = [each for each in problems if first and each[0][: len(first)] == first]
    deepest = max((place for place, _ in of_it), key=len, default=first)
    texts = dict.fromkeys(text for place, text in of_it or problems[:1] if place == deepest)
    return ".".join(deepest), _either(list(texts))


def _place(location: tuple[int | str, ...], given: Any, kind: str) -> Place:
    """``location`` without the types that pydantic names in it."""
    place: list[str] = []
    for number, part in enumerate(location, 1):
        try:
            given = given[part]
        except (TypeError, LookupError):  # not what stands in the body: a type, or what is missing
            if kind != "missing" or number < len(location):
                continue
        place.append(str(part))
    return tuple(place)


def _either(texts: list[str]) -> str:
    first, *others = texts
    return " or ".join([first, *(text.removeprefix(EXPECTED) for text in others)])
