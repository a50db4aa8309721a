"""What a comparison can show: told before runs are paid for, and planned from a pilot's runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.statistics.power import (
    PilotVariance,
    Plan,
    mcnemar_detectable_difference,
    pilot_variance,
    plan_run,
)

ASSUMED_CHANGED = 0.2
"""Fraction of examples that pass in one of two runs only, where nothing is known of them."""
COARSE = 0.05
"""A comparison that finds nothing smaller is worth a word beforehand."""


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """How to detect a difference in one metric, by what a pilot's two runs showed."""

    metric: str
    difference: float
    power: float
    pilot: PilotVariance
    examples: int
    """Pilot examples that both runs scored."""
    plans: tuple[Plan, ...]
    """Fewest samples first; those that the dataset is too small for come last."""


def power_note(examples: int, clustered: bool = False) -> str:
    """What ``examples`` can show of two runs' pass rates; empty where that is fine enough."""
    found = mcnemar_detectable_difference(examples, ASSUMED_CHANGED)
    if found is None:
        return (
            f"{examples} examples are too few to show any difference between two runs 80% of "
            "the time."
        )
    if found <= COARSE:
        return ""
    note = (
        f"With {examples:,} examples, pass rates that differ by about {100 * found:.0f} points "
        f"are told apart 80% of the time (if {ASSUMED_CHANGED:.0%} of the examples change), "
        "smaller differences less often."
    )
    if clustered:
        note += " Examples that share a cluster count for less than that."
    return note


def plan_power(
    store: Store, pilot_runs: tuple[Run, Run], metric: str, difference: float, power: float = 0.8
) -> PowerPlan:
    """How many examples and repeats detect ``difference`` in ``metric``, by the variance of these
    two runs.

    Raises EvaluationError for a metric that they do not share; StatisticsError below two shared
    examples, or where no feasible number is enough.
    """
    for run in pilot_runs:
        if metric not in {spec.key for spec in run.spec.metrics}:
            raise EvaluationError(f"{run.id} has no metric {metric!r}.")
    first, second = (_repeats(store, run, metric) for run in pilot_runs)
    pilot = pilot_variance(first, second)
    rows = store.get_dataset_version_by_id(pilot_runs[0].spec.dataset_version).rows
    return PowerPlan(
        metric=metric,
        difference=difference,
        power=power,
        pilot=pilot,
        examples=len(first.keys() & second.keys()),
        plans=plan_run(difference, pilot, available=rows, power=power),
    )


def _repeats(store: Store, run: Run, metric: str) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for example, group in groupby(store.iterate_outcomes(run.id, metric), key=lambda each: each[0]):
        good = [value for _, _, value in group if value is not None]
        if good:
            values[example] = good
    return values
