"""Runs lessons for the commands of ``prompt-app rubric``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.progress import Progress

from prompt_app.cli.common import notices
from prompt_app.engine.event_loop import run_worker
from prompt_app.errors import RubricError, RunBlockingError
from prompt_app.rubrics.model import LessonData
from prompt_app.rubrics.results import LessonResult
from prompt_app.workbench import Workbench
from prompt_app.workbench.rubric_preparing import PreparedLesson
from prompt_app.workbench.rubric_spending import Spending
from prompt_app.workbench.rubric_testing import assess_lesson


@dataclass(frozen=True, slots=True)
class TestedLesson:
    """A lesson's result and what it was measured on."""

    result: LessonResult
    data: LessonData


def run_lessons(workbench: Workbench, prepared: Sequence[PreparedLesson]) -> list[LessonResult]:
    """One after another, under one spend cap."""
    spent = 0.0
    results = []
    try:
        for each in prepared:
            results.append(run_lesson(workbench, each, Spending(each.limits.max_cost_usd, spent)))
            spent += results[-1].cost_usd or 0.0
    except (KeyboardInterrupt, RunBlockingError):
        notices.print("What was answered is kept: --use-cached calls only for the rest.")
        raise
    return results


def run_lesson(
    workbench: Workbench, prepared: PreparedLesson, spending: Spending | None = None
) -> LessonResult:
    """Assess all works, with a progress bar on a terminal."""
    with Progress(console=notices, transient=True, disable=not notices.is_terminal) as progress:
        task = progress.add_task(prepared.experiment.lesson, total=len(prepared.works))
        return run_worker(
            assess_lesson(
                workbench.store,
                workbench.settings,
                prepared,
                lambda _: progress.advance(task),
                spending,
            )
        )


def parts(text: str | None, option: str) -> list[str]:
    """What is between commas, each once; nothing where ``option`` is absent.

    Raises RubricError where it is there and names nothing: that must not mean all.
    """
    found = list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
    if text is not None and not found:
        raise RubricError(f"{option} names nothing; leave it out for all.")
    return found
