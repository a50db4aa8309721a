"""``prompt-app rubric``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from prompt_app.cli import rubric_assess, rubric_releases
from prompt_app.cli.common import AsJson
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.rubric_options import (
    AccuracyFile,
    Base,
    DatasetName,
    Estimate,
    ExperimentName,
    Lessons,
    MaxCost,
    MaxStudents,
    MaxTokens,
    Model,
    NewLabels,
    OfRelease,
    Output,
    Passing,
    PointEstimate,
    RemoveComments,
    RequestsPerMinute,
    Responses,
    Students,
    Temperature,
    TokensPerMinute,
    UseCached,
    Workers,
    WriteConfidence,
)

if TYPE_CHECKING:
    from prompt_app.cli.rubric_output import Finish
    from prompt_app.datamodel.rubric_test import RubricTestOptions

app = typer.Typer(
    help="Measure how well an assessment by a rubric agrees with people.", no_args_is_help=True
)


@app.command("test")
def run_test(  # noqa: PLR0917 - a parameter is an option of the command
    dataset_name: DatasetName,
    experiment_name: ExperimentName,
    lesson_names: Lessons = None,
    base: Base = ".",
    release: OfRelease = False,
    use_cached: UseCached = False,
    llm_model: Model = None,
    num_responses: Responses = None,
    max_num_students: MaxStudents = None,
    student_ids: Students = None,
    temperature: Temperature = None,
    remove_comments: RemoveComments = False,
    accuracy: AccuracyFile = None,
    generate_confidence: WriteConfidence = False,
    point_estimate: PointEstimate = False,
    workers: Workers = 8,
    requests_per_minute: RequestsPerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    passing_labels: Passing = None,
    new_labels: NewLabels = False,
    estimate: Estimate = False,
    output: Output = Path("output"),
    as_json: AsJson = False,
) -> None:
    """Assess works by a rubric and compare with people's labels.

    Tells time and cost first. Writes two HTML reports and the results of each lesson. Exits with
    3 when an accuracy is missed, with 4 when a work has no assessment.
    """
    from prompt_app.cli.rubric_output import Finish
    from prompt_app.cli.rubric_running import parts
    from prompt_app.datamodel.rubric_test import RubricTestOptions

    options = RubricTestOptions.model_validate(
        {
            "dataset": dataset_name, "experiment": experiment_name,
            "kind": "releases" if release else "experiments",
            "lessons": parts(lesson_names, "--lesson-names"),
            "students": parts(student_ids, "--student-ids"),
            "max_students": max_num_students, "needs_labels": not new_labels,
            "use_cached": use_cached, "model": llm_model, "num_responses": num_responses,
            "temperature": temperature, "max_tokens": max_tokens,
            "remove_comments": remove_comments, "passing": passing_labels, "workers": workers,
            "requests_per_minute": requests_per_minute, "tokens_per_minute": tokens_per_minute,
            "max_cost_usd": max_cost,
        }
    )  # fmt: skip
    finish = Finish(
        output, accuracy, generate_confidence, point_estimate, new_labels, as_json, estimate
    )
    _test_lessons(options, base, finish)


def _test_lessons(options: RubricTestOptions, base: str, finish: Finish) -> None:
    """All lessons are read and checked, and their price is told, before any is tested."""
    from prompt_app.cli.rubric_output import load_thresholds, print_quote, tell_results
    from prompt_app.cli.rubric_running import run_lessons
    from prompt_app.errors import RubricError
    from prompt_app.workbench.rubric_folders import open_folder
    from prompt_app.workbench.rubric_preparing import all_lessons, prepare_lessons
    from prompt_app.workbench.rubric_quoting import quote_lesson, total_quote

    if finish.confidence and options.kind == "releases":
        raise RubricError(
            "--generate-confidence is for experiments: a release has its confidence, and never "
            "changes."
        )
    with opened_workbench() as workbench:
        folder = open_folder(base, workbench.settings)
        prepared = prepare_lessons(workbench.store, workbench.settings, folder, options)
        lessons = all_lessons(folder, options.kind, options.experiment)
        thresholds = load_thresholds(finish.thresholds, prepared, lessons)
        print_quote(
            total_quote([quote_lesson(each) for each in prepared]), to_stderr=finish.as_json
        )
        if finish.only_estimate:
            return
        finish.check_output()
        results = run_lessons(workbench, prepared)
    tell_results(results, folder, thresholds, finish)


app.command("release")(rubric_releases.release)
app.command("compare")(rubric_releases.compare)
app.command("promote")(rubric_releases.promote)
app.command("ambiguity")(rubric_releases.ambiguity)
app.command("assess")(rubric_assess.assess)
