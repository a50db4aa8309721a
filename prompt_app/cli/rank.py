"""``prompt-app rank``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import AsJson, console, counted, print_json, print_table
from prompt_app.cli.opening import opened_workbench

if TYPE_CHECKING:
    from prompt_app.datamodel.score import Interval
    from prompt_app.workbench.ranking import PositionBias


def rank(
    run_ids: Annotated[list[str], typer.Argument(help="Run ids, with a pairwise judge each.")],
    metric: Annotated[str, typer.Option(help="The pairwise judge's key.")] = "pairwise",
    as_json: AsJson = False,
) -> None:
    """Rank runs by what a pairwise judge preferred: Bradley-Terry strengths with intervals.

    Each run is compared with the answers that its judge saw beside it, and so with every other run
    that was compared with the same answers.
    """
    with opened_workbench() as workbench:
        ranking = workbench.rank(run_ids, metric)
        bias = workbench.position_bias(run_ids, metric)
        names = {run_id: workbench.run(run_id).name for run_id in run_ids}
    if as_json:
        print_json({**asdict(ranking), "intervals": {
            item.name: ranking.interval(item.name) for item in ranking.items},
            "position": asdict(bias)})  # fmt: skip
        return
    first = ranking.items[0].name
    rows = [
        [item.name, names.get(item.name, ""), f"{item.strength:+.2f}",
         _bounds(ranking.interval(item.name)), item.comparisons, item.wins, item.ties,
         "" if item.name == first else f"{ranking.probability(item.name, first).value:.0%}"]
        for item in ranking.items
    ]  # fmt: skip
    columns = ["what", "run", "strength#", "95% interval#", "compared#", "wins#", "ties#",
               "preferred to the first#"]  # fmt: skip
    print_table(columns, rows, "")
    if ranking.is_all_ties:
        console.print("Every comparison was a tie: nothing tells these apart, in any order.")
    elif ranking.regularised:
        console.print("Some never lose to the rest: half a win each way was added to every pair.")
    _print_bias(bias)


def _print_bias(bias: PositionBias) -> None:
    share = bias.consistency
    if share.value is None or share.interval is None:
        return
    console.print(
        f"Both orders gave the same answer to {share.value:.0%} of {counted(share.n, 'question')} "
        f"(95% interval {share.interval.lower:.0%} to {share.interval.upper:.0%}); the judge took "
        f"whatever was shown first {counted(bias.first, 'time')}, whatever was shown second "
        f"{counted(bias.second, 'time')}.",
        markup=False,
    )


def _bounds(interval: Interval | None) -> str:
    return "undefined" if interval is None else f"{interval.lower:+.2f} to {interval.upper:+.2f}"
