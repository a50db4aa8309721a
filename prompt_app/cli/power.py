"""``prompt-app power``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, console, print_json, print_table
from prompt_app.cli.opening import opened_workbench


def power(
    baseline: Annotated[str, typer.Argument(help="Run id of a pilot's baseline.")],
    candidate: Annotated[str, typer.Argument(help="Run id of the pilot's other run.")],
    metric: Annotated[str, typer.Option(help="The metric that is to show the difference.")],
    difference: Annotated[
        float, typer.Option(help="What to detect, in the metric's unit: 0.02 is two points.")
    ],
    power: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="How often it is to be detected.")
    ] = 0.8,
    as_json: AsJson = False,
) -> None:
    """Plan from two pilot runs how many examples and repeats detect a difference."""
    with opened_workbench() as workbench:
        planned = workbench.plan_power((baseline, candidate), metric, difference, power=power)
    if as_json:
        print_json(asdict(planned))
        return
    console.print(
        f"To detect {difference:g} in {metric} {power:.0%} of the time, by the variance of "
        f"{planned.examples} pilot examples:",
        markup=False,
    )
    if planned.cluster_note:
        console.print(planned.cluster_note, markup=False)
    rows = [
        [f"{plan.examples:,}", plan.repeats, f"{plan.samples:,}", f"{plan.power:.0%}",
         "" if plan.enough_examples else "more examples than the dataset has"]
        for plan in planned.plans
    ]  # fmt: skip
    print_table(["examples#", "repeats#", "calls for each run#", "power#", ""], rows, "No plan.")
    if planned.pilot.within is None:
        console.print(
            "The pilot has no repeats, so it cannot tell what repeats would save.", markup=False
        )
