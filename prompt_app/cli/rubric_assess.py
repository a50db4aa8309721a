"""``prompt-app rubric assess``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt_app.cli.common import AsJson, notices, print_json, print_table
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.plain import UNFINISHED
from prompt_app.cli.rubric_options import Base

if TYPE_CHECKING:
    from prompt_app.rubrics.results import StudentResult


def assess(
    file: Annotated[Path, typer.Argument(help="The work to assess.")],
    lesson_name: Annotated[str, typer.Option(help="Lesson whose rubric holds.")],
    release_name: Annotated[
        str, typer.Option(help="Folder in releases/; the promoted one when absent.")
    ] = "",
    base: Base = ".",
    as_json: AsJson = False,
) -> None:
    """Assess one work as a release does it, and tell how far each label can be relied on.

    Exits with 4 where no whole assessment came back.
    """
    from prompt_app.cli.rubric_running import run_lesson
    from prompt_app.rubrics.folders import LocalFolder
    from prompt_app.rubrics.model import Work
    from prompt_app.rubrics.releases import promoted_release, read_confidence
    from prompt_app.workbench.rubric_folders import open_folder
    from prompt_app.workbench.rubric_preparing import prepare_work

    text = LocalFolder(file.parent).read(file.name)
    if text is None:
        raise typer.BadParameter(f"There is no file {file}.")
    work = Work(student=file.stem, file=file.name, text=text)
    with opened_workbench() as workbench:
        folder = open_folder(base, workbench.settings)
        release = release_name or promoted_release(folder, lesson_name)
        store, settings = workbench.store, workbench.settings
        prepared = prepare_work(store, settings, folder, lesson_name, release, work)
        confidence = read_confidence(folder, release, lesson_name)
        result = run_lesson(workbench, prepared)
    (student,) = result.students
    rows = _rows(student, confidence)
    if as_json:
        print_json({"release": release, "lesson": lesson_name, "assessment": rows,
                    "problems": list(student.problems), "cost_usd": student.cost_usd})  # fmt: skip
    else:
        columns = ["key concept", "label", "pass or fail", "exact", "reason"]
        names = ("concept", "label", "pass_fail_confidence", "exact_confidence", "reason")
        print_table(columns, [[row[n] or "none" for n in names] for row in rows], "No assessment.")
    for problem in student.problems:
        notices.print(f"{problem.kind}: {problem.message}", markup=False)
    if len(rows) < len(result.experiment.rubric.names):
        sys.exit(UNFINISHED)


def _rows(student: StudentResult, confidence: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    exact = confidence["exact"]
    return [
        {
            "concept": vote.concept,
            "label": vote.label,
            "votes": vote.votes,
            "pass_fail_confidence": confidence["pass_fail"].get(vote.concept),
            "exact_confidence": exact.get(vote.concept, {}).get(vote.label),
            "observations": vote.observations,
            "evidence": vote.evidence,
            "reason": vote.reason,
        }
        for vote in student.votes
    ]
