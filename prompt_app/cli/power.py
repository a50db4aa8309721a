"""``prompt-app power``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import AsJson, console, print_json, print_table
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import InputError

if TYPE_CHECKING:
    from prompt_app.statistics.planning import Plan
    from prompt_app.workbench.powering import Assumed

SUPPOSED = ("changed", "deviation", "noise")


def power(
    baseline: Annotated[str | None, typer.Argument(help="Run id of a pilot's baseline.")] = None,
    candidate: Annotated[str | None, typer.Argument(help="Run id of its other run.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="Of the pilot: the metric that is to show the difference.")
    ] = None,
    difference: Annotated[
        float, typer.Option(help="What to detect, in the metric's unit: 0.02 is two points.")
    ] = 0.05,
    power: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="How often it is to be detected.")
    ] = 0.8,
    suppose: Annotated[
        list[str] | None,
        typer.Option(
            help="Without a pilot: changed=0.2, the share of examples that pass in one run only; "
            "or of graded scores deviation=0.3, of an example's difference, and noise=0.1, of one "
            "response."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plan how many examples and repeats detect a difference between two runs.

    From two pilot runs, by the variance that they showed; or before any run, by what is supposed.
    """
    if baseline is None:
        _before_a_run(difference, power, _assumed(suppose or ()), as_json=as_json)
        return
    if candidate is None or metric is None:
        raise InputError("A pilot is two run ids and --metric; without a pilot give neither.")
    if suppose:
        raise InputError("--suppose is for a plan without a pilot; a pilot shows its own variance.")
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
    _print_plans(planned.plans)
    if planned.pilot.within is None:
        console.print(
            "The pilot has no repeats, so it cannot tell what repeats would save.", markup=False
        )


def _before_a_run(difference: float, power: float, assumed: Assumed, *, as_json: bool) -> None:
    plans = assumed.plans(difference, power)
    if as_json:
        print_json({"assumed": asdict(assumed), "plans": [asdict(plan) for plan in plans]})
        return
    if assumed.deviation is None:
        supposed = f"{assumed.changed:.0%} of the examples pass in one run only"
    else:
        supposed = f"an example's difference deviates by {assumed.deviation:g}"
        if assumed.noise is not None:
            supposed += f" and a response by {assumed.noise:g}"
    console.print(
        f"To detect {difference:g} {power:.0%} of the time, supposing that {supposed}:",
        markup=False,
    )
    _print_plans(plans)


def _assumed(given: Sequence[str]) -> Assumed:
    from prompt_app.workbench.powering import Assumed

    found: dict[str, float] = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise InputError(f"--suppose {each!r}: expected NAME=NUMBER.") from None
        if name not in SUPPOSED:
            raise InputError(f"--suppose {each!r}: the names are {', '.join(SUPPOSED)}.")
    return Assumed(**found)


def _print_plans(plans: Sequence[Plan]) -> None:
    rows = [
        [f"{plan.examples:,}", plan.repeats, f"{plan.samples:,}", f"{plan.power:.0%}",
         "" if plan.enough_examples else "more examples than the dataset has"]
        for plan in plans
    ]  # fmt: skip
    print_table(["examples#", "repeats#", "calls for each run#", "power#", ""], rows, "No plan.")
