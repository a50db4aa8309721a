"""Runs lessons for the commands of ``prompt-app rubric``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.progress import Progress

from prompt_app.cli.common import notices
from prompt_app.engine.event_loop import run_worker
from prompt_app.errors import RubricError
from prompt_app.rubrics.files import checked_name
from prompt_app.rubrics.folders import Folder
from prompt_app.rubrics.model import LessonData
from prompt_app.rubrics.results import LessonResult
from prompt_app.workbench import Workbench
from prompt_app.workbench.rubric_preparing import (
    PreparedLesson,
    RubricTestOptions,
    prepare_lesson,
)
from prompt_app.workbench.rubric_testing import assess_lesson


@dataclass(frozen=True, slots=True)
class TestedLesson:
    """A lesson's result and what it was measured on."""

    result: LessonResult
    data: LessonData


def prepare_lessons(
    workbench: Workbench, folder: Folder, options: RubricTestOptions, lessons: Sequence[str]
) -> list[PreparedLesson]:
    """All of the experiment's where ``lessons`` is empty. Raises RubricError."""
    return [
        prepare_lesson(workbench.store, workbench.settings, folder, lesson, options)
        for lesson in lessons or all_lessons(folder, f"{options.kind}/{options.experiment}")
    ]


def all_lessons(folder: Folder, path: str) -> list[str]:
    """The lessons in ``experiments/<name>`` or ``releases/<name>``."""
    checked_name(path.partition("/")[2], "experiment")
    lessons = folder.folders(path)
    if not lessons:
        raise RubricError(f"There is no lesson in {path} of {folder.place}.")
    return lessons


def run_lesson(workbench: Workbench, prepared: PreparedLesson) -> LessonResult:
    """Assess all works, with a progress bar on a terminal."""
    with Progress(console=notices, transient=True, disable=not notices.is_terminal) as progress:
        task = progress.add_task(prepared.experiment.lesson, total=len(prepared.works))
        return run_worker(
            assess_lesson(
                workbench.store, workbench.settings, prepared, lambda _: progress.advance(task)
            )
        )


def parts(text: str) -> list[str]:
    """What is between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
