"""``prompt-app run``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import (
    AsJson,
    InProject,
    console,
    counted,
    money,
    notices,
    print_json,
    print_table,
    score_cells,
)
from prompt_app.cli.opening import opened_workbench, within
from prompt_app.cli.plain import THRESHOLD_MISSED
from prompt_app.datamodel.score import cautions

if TYPE_CHECKING:
    from prompt_app.datamodel.evaluation import Run


def run(
    file: Annotated[Path, typer.Argument(help="Evaluation file (YAML).")],
    key: Annotated[
        str | None,
        typer.Option(help="Submission key: the same key and file is one evaluation, ever."),
    ] = None,
    project: InProject = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run an evaluation file to its end and print its scores.

    If an equal evaluation was interrupted, it goes on where it stood. Exits with 3 when a
    threshold of the file is missed, with 4 when a run did not finish.
    """
    from prompt_app.cli.following import end_unfinished, follow_evaluation
    from prompt_app.workbench.files import load_evaluation
    from prompt_app.workbench.unpriced import unpriced_models

    spec = load_evaluation(file)
    with opened_workbench() as workbench:
        own = within(workbench, project)
        evaluation = own.submit_evaluation(spec, key=key, folder=file.parent)
        for each in workbench.runs_of(evaluation.id):
            if each.state == "paused":
                workbench.resume(each.id)
        try:
            runs = follow_evaluation(workbench, evaluation.id, show=not quiet)
        except KeyboardInterrupt:
            notices.print(f"Interrupted. Run the same command to go on ({evaluation.id}).")
            raise
        missed = workbench.missed_thresholds(evaluation)
        if as_json:
            print_json({"evaluation": workbench.evaluation(evaluation.id), "runs": runs,
                        "missed_thresholds": missed,
                        "unpriced_models": unpriced_models(runs)})  # fmt: skip
        else:
            print_results(runs)
    print_missed(missed)
    end_unfinished(runs)
    end_missed(missed)


def print_missed(missed: Sequence[str]) -> None:
    """To standard error, beside whatever is printed as the result."""
    for sentence in missed:
        notices.print(f"Threshold missed: {sentence}", markup=False)


def end_missed(missed: Sequence[str]) -> None:
    """Exit with 3 where a threshold is missed."""
    if missed:
        sys.exit(THRESHOLD_MISSED)


def print_results(runs: list[Run]) -> None:
    """The runs, then their scores: metric by metric, so that what is compared stands together."""
    from prompt_app.workbench.unpriced import run_cost

    print_table(
        ["run", "prompt · model", "state", "answered#", "cached#", "errors#", "cost$"],
        [
            [each.id, each.name, each.state, each.progress.answered, each.progress.cached,
             each.progress.failed, money(run_cost(each))]
            for each in runs
        ],
        "No runs.",
    )  # fmt: skip
    console.print()
    print_scores(runs)
    skipped = max((each.progress.skipped_rows for each in runs), default=0)
    if skipped:
        rows = counted(skipped, "malformed row")
        console.print(f"{rows} of the dataset {'was' if skipped == 1 else 'were'} skipped.")
    print_unpriced(runs)
    for each in runs:
        if each.state == "finished" and each.reason:
            console.print(f"{each.id}: {each.reason}", markup=False)


def print_unpriced(runs: Sequence[Run]) -> None:
    """Say of which models the cost above tells nothing."""
    from prompt_app.workbench.unpriced import unpriced_models

    for model in unpriced_models(runs):
        console.print(
            f"No price is known for {model}: the cost leaves its calls out.", markup=False
        )


def print_scores(runs: Sequence[Run]) -> None:
    """Every score with its 95% interval and its denominators."""
    keys = list(dict.fromkeys(metric.key for each in runs for metric in each.spec.metrics))
    rows = [
        [key, each.name, *score_cells(summary)]
        for key in keys
        for each in runs
        for summary in each.summary
        if summary.metric == key
    ]
    columns = ["metric", "prompt · model", "mean#", "95% interval#", "examples#", "failed#",
               "skipped#"]  # fmt: skip
    print_table(columns, rows, "No scores.")
    for sentence in cautions(summary.interval for each in runs for summary in each.summary):
        console.print(sentence, markup=False)
