"""``prompt-app run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import (
    AsJson,
    console,
    money,
    notices,
    opened_workbench,
    print_json,
    print_table,
    score_text,
)

if TYPE_CHECKING:
    from prompt_app.datamodel.evaluation import Run


def run(
    file: Annotated[Path, typer.Argument(help="Evaluation file (YAML).")],
    key: Annotated[
        str | None,
        typer.Option(help="Submission key: the same key and file is one evaluation, ever."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run an evaluation file to its end and print its scores.

    If an equal evaluation was interrupted, it goes on where it stood. Exits with 3 when a
    threshold of the file is missed, with 4 when a run did not finish.
    """
    from prompt_app.cli.following import follow_evaluation
    from prompt_app.workbench.files import load_evaluation

    spec = load_evaluation(file)
    with opened_workbench() as workbench:
        evaluation = workbench.submit_evaluation(spec, key=key, folder=file.parent)
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
                        "missed_thresholds": missed})  # fmt: skip
        else:
            print_results(runs)
    for sentence in missed:
        notices.print(f"Threshold missed: {sentence}", markup=False)
    unfinished = [each for each in runs if each.state != "finished"]
    for each in unfinished:
        notices.print(f"{each.name} is {each.state}: {each.reason}", markup=False)
    if unfinished:
        sys.exit(4)
    if missed:
        sys.exit(3)


def print_results(runs: list[Run]) -> None:
    """A row a run: its scores with their intervals, its errors and its cost."""
    keys = list(dict.fromkeys(metric.key for each in runs for metric in each.spec.metrics))
    rows = []
    for each in runs:
        summaries = {summary.metric: summary for summary in each.summary}
        scores = [score_text(summaries[key]) if key in summaries else "" for key in keys]
        progress = each.progress
        rows.append(
            [each.id, each.name, *scores, progress.failed, progress.cached,
             money(progress.cost_usd + progress.judge_cost_usd)]
        )  # fmt: skip
    print_table(["run", "prompt · model", *keys, "errors#", "cached#", "cost$"], rows, "No runs.")
    skipped = {each.progress.skipped_rows for each in runs} - {0}
    if skipped:
        console.print(f"{max(skipped)} malformed rows of the dataset were skipped.")
    console.print("Intervals are at 95%.")
