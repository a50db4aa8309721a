"""The rules over a program's features that belong to a lesson, for a call that names none."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_app.errors import RubricError
from prompt_app.rubrics.code_rules import Rules, read_code_rules
from prompt_app.rubrics.files import CODE_RULES, checked_name
from prompt_app.rubrics.folders import Folder
from prompt_app.rubrics.model import Rubric
from prompt_app.rubrics.releases import promoted


def lesson_rules(folder: Folder, lesson: str, rubric: Rubric) -> Rules:
    """Those of the lesson's promoted release; where none is promoted, of the only release that has
    some, else of the only experiment. Raises RubricError, also where they do not fit ``rubric``."""
    checked_name(lesson, "lesson")
    chosen = promoted(folder).get(lesson)
    if chosen is not None:
        texts = _texts(folder, "releases", [chosen], lesson)
    else:
        texts = _texts(folder, "releases", folder.folders("releases"), lesson)
        texts = texts or _texts(folder, "experiments", folder.folders("experiments"), lesson)
    if not texts:
        raise RubricError(f"There are no rules for the lesson {lesson!r}: no {CODE_RULES} is its.")
    if len(set(texts.values())) > 1:
        raise RubricError(
            f"There are several rules for the lesson {lesson!r}: {', '.join(texts)}. "
            "Promote the release whose rules hold."
        )
    path, text = next(iter(texts.items()))
    return read_code_rules(text, path, rubric)


def _texts(folder: Folder, kind: str, names: Sequence[str], lesson: str) -> dict[str, str]:
    paths = [f"{kind}/{name}/{lesson}/{CODE_RULES}" for name in names]
    return {path: text for path in paths if (text := folder.read(path))}
