"""``prompt-app rubric release``, ``compare``, ``promote`` and ``ambiguity``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt_app.cli.common import AsJson, console, print_json, print_table
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.rubric_options import (
    Base,
    DatasetName,
    ExperimentName,
    Lessons,
    Passing,
    PointEstimate,
)

if TYPE_CHECKING:
    from prompt_app.cli.rubric_running import TestedLesson
    from prompt_app.datamodel.rubric_test import RubricTestOptions
    from prompt_app.rubrics.comparing import ReleaseComparison
    from prompt_app.rubrics.folders import Folder

ReleaseName = Annotated[str, typer.Argument(help="Folder in releases/.")]


def release(
    release_name: Annotated[str, typer.Argument(help="Name of the new release.")],
    dataset_name: DatasetName,
    experiment_name: ExperimentName,
    *,
    lesson_names: Lessons = None,
    base: Base = ".",
    passing_labels: Passing = None,
    point_estimate: PointEstimate = False,
    as_json: AsJson = False,
) -> None:
    """Freeze an experiment with what was measured: hashes, intervals, calibration, confidence.

    Uses stored replies; the model is called only for what has none.
    """
    from prompt_app.cli.rubric_running import parts
    from prompt_app.datamodel.rubric_test import RubricTestOptions
    from prompt_app.rubrics.confidence import ConfidenceRule
    from prompt_app.rubrics.releases import make_release, write_release

    options = RubricTestOptions(
        dataset=dataset_name,
        experiment=experiment_name,
        lessons=tuple(parts(lesson_names, "--lesson-names")),
        use_cached=True,
        passing=passing_labels,
    )
    folder, tested = _tested(options, base)
    rule = ConfidenceRule(point_estimate=point_estimate)
    made = [make_release(release_name, each.result, each.data, rule) for each in tested]
    written = [write_release(folder, manifest, files) for manifest, files in made]
    if as_json:
        print_json({"release": release_name, "written": written})
        return
    for place in written:
        console.print(place, markup=False)


def compare(
    baseline: ReleaseName,
    candidate: ReleaseName,
    lesson_names: Lessons = None,
    base: Base = ".",
    as_json: AsJson = False,
) -> None:
    """Tell whether a release agrees better with people than another, and which labels moved."""
    from prompt_app.cli.rubric_running import parts
    from prompt_app.rubrics.comparing import compare_releases
    from prompt_app.rubrics.releases import read_release, read_released
    from prompt_app.settings import load_settings
    from prompt_app.workbench.rubric_folders import open_folder
    from prompt_app.workbench.rubric_preparing import all_lessons

    folder = open_folder(base, load_settings())
    found = {}
    for lesson in parts(lesson_names, "--lesson-names") or all_lessons(
        folder, "releases", baseline
    ):
        old, new = (
            (read_release(folder, name, lesson), read_released(folder, name, lesson))
            for name in (baseline, candidate)
        )
        found[lesson] = compare_releases(old[0], new[0], (old[1].rubric, new[1].rubric))
    if as_json:
        print_json({lesson: _comparison_data(each) for lesson, each in found.items()})
        return
    for lesson, each in found.items():
        console.print(f"{lesson}: {each.exact.sentence}", markup=False)
        console.print(f"Changed: {', '.join(each.changed) or 'nothing'}.", markup=False)
        for clause, moved in each.clauses.items():
            console.print(f"The changed clause of {clause!r} moved {moved} labels.", markup=False)
        rows = [[m.student, m.concept, m.before or "none", m.after or "none", m.actual]
                for m in each.moved]  # fmt: skip
        print_table(["student", "key concept", baseline, candidate, "actual"], rows,
                    "No label moved.")  # fmt: skip


def promote(
    release_name: ReleaseName,
    lesson_names: Lessons = None,
    base: Base = ".",
    as_json: AsJson = False,
) -> None:
    """Make a release the one that is used for its lessons (releases/promoted.json)."""
    from prompt_app.cli.rubric_running import parts
    from prompt_app.rubrics.releases import promote as promote_release
    from prompt_app.settings import load_settings
    from prompt_app.workbench.rubric_folders import open_folder
    from prompt_app.workbench.rubric_preparing import all_lessons

    folder = open_folder(base, load_settings())
    lessons = parts(lesson_names, "--lesson-names") or all_lessons(folder, "releases", release_name)
    for lesson in lessons:
        promote_release(folder, release_name, lesson)
    if as_json:
        print_json(dict.fromkeys(lessons, release_name))
        return
    for lesson in lessons:
        console.print(f"{lesson}: {release_name}", markup=False)


def ambiguity(
    dataset_name: DatasetName,
    experiment_name: ExperimentName,
    lesson_names: Lessons = None,
    base: Base = ".",
    as_json: AsJson = False,
) -> None:
    """Name what is unclear in a rubric: where people disagree, or the model's votes flip.

    Further people's labels are in actual_labels.NAME.csv beside actual_labels.csv.
    """
    from prompt_app.cli.rubric_running import parts
    from prompt_app.datamodel.rubric_test import RubricTestOptions
    from prompt_app.rubrics.ambiguity import describe_ambiguity, find_ambiguity

    options = RubricTestOptions(
        dataset=dataset_name,
        experiment=experiment_name,
        lessons=tuple(parts(lesson_names, "--lesson-names")),
        use_cached=True,
    )
    _, tested = _tested(options, base)
    found = {each.result.lesson: find_ambiguity(each.result, each.data) for each in tested}
    if as_json:
        print_json({lesson: list(concepts) for lesson, concepts in found.items()})
        return
    for lesson, concepts in found.items():
        console.print(lesson, markup=False)
        for concept in concepts:
            console.print(describe_ambiguity(concept), markup=False)
        rows = [
            [c.name, row.student, _told(row.people), _told(row.votes)]
            for c in concepts
            for row in c.rows
        ]
        print_table(["key concept", "student", "people", "votes"], rows, "No row shows any doubt.")


def _tested(options: RubricTestOptions, base: str) -> tuple[Folder, list[TestedLesson]]:
    from prompt_app.cli.rubric_running import TestedLesson, run_lessons
    from prompt_app.workbench.rubric_folders import open_folder
    from prompt_app.workbench.rubric_preparing import prepare_lessons

    with opened_workbench() as workbench:
        folder = open_folder(base, workbench.settings)
        prepared = prepare_lessons(workbench.store, workbench.settings, folder, options)
        results = run_lessons(workbench, prepared)
        pairs = zip(results, prepared, strict=True)
        return folder, [TestedLesson(result, each.data) for result, each in pairs]


def _told(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in counts.items())


def _comparison_data(comparison: ReleaseComparison) -> dict[str, Any]:
    from dataclasses import asdict

    exact = comparison.exact
    bounds = exact.interval
    return {
        "verdict": exact.verdict,
        "sentence": exact.sentence,
        "pairs": exact.pairs,
        "difference": exact.difference,
        "interval": [bounds.lower, bounds.upper] if bounds is not None else None,
        "changed": list(comparison.changed),
        "clauses": comparison.clauses,
        "moved": [asdict(each) for each in comparison.moved],
    }
