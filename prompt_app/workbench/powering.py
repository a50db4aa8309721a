"""What a comparison can show: told before runs are paid for, and planned from a pilot's runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

from prompt_app.datamodel.evaluation import Run
from prompt_app.engine.summary import read_clusters
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.metrics import create_metric
from prompt_app.statistics.planning import PilotVariance, Plan, pilot_variance, plan_run
from prompt_app.statistics.power import (
    mcnemar_detectable_difference,
    mcnemar_examples_needed,
    mcnemar_power,
)
from prompt_app.workbench.matching import filled_clusters

ASSUMED_CHANGED = 0.2
"""Fraction of examples that pass in one of two runs only, where nothing is known of them."""


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

    @property
    def cluster_note(self) -> str:
        """What shared clusters cost; empty where no examples share one."""
        if self.pilot.cluster_size <= 1:
            return ""
        return (
            f"Examples share clusters, {self.pilot.cluster_size:.1f} in one on average; in the "
            f"pilot that makes the variance {self.pilot.design_effect:.1f} times that of "
            "unrelated examples, which the plan counts."
        )


def power_note(examples: int, clustered: bool = False) -> str:
    """What ``examples`` can show of two runs' pass rates."""
    found = mcnemar_detectable_difference(examples, ASSUMED_CHANGED)
    if found is None:
        return (
            f"{examples} examples are too few to show any difference between two runs 80% of "
            "the time."
        )
    points = f"{100 * found:.0f}" if found >= 0.1 else f"{100 * found:.1f}"
    note = (
        f"With {examples:,} examples, pass rates that differ by about {points} points "
        f"are told apart 80% of the time (if {ASSUMED_CHANGED:.0%} of the examples change), "
        "smaller differences less often."
    )
    if clustered:
        note += " Examples that share a cluster count for less than that."
    return note


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is supposed of a comparison of which no pilot was run."""

    changed: float = ASSUMED_CHANGED
    """Pass/fail: the fraction of examples that pass in one of both runs only."""
    deviation: float | None = None
    """Graded: standard deviation of an example's true difference between the runs."""
    noise: float | None = None
    """Graded: standard deviation of one response's score about its example's mean."""

    def plans(self, difference: float, power: float = 0.8) -> tuple[Plan, ...]:
        """Examples and repeats that detect ``difference`` with ``power``, fewest samples first.

        Pass/fail unless a deviation is given; repeats are planned where the noise is.
        Raises EvaluationError for what cannot be, StatisticsError where no feasible number is
        enough.
        """
        if not math.isfinite(difference) or difference == 0:
            raise EvaluationError(f"The difference to detect must not be {difference:g}.")
        if self.deviation is None:
            if self.noise is not None:
                raise EvaluationError("The noise is of graded scores: give their deviation too.")
            needed = mcnemar_examples_needed(abs(difference), self.changed, power)
            half = abs(difference) / 2
            reached = mcnemar_power(needed, self.changed / 2 + half, self.changed / 2 - half)
            return (Plan(needed, 1, needed, reached, True),)
        if not self.deviation >= 0 or (self.noise is not None and not self.noise >= 0):
            raise EvaluationError("A standard deviation is a number from 0.")
        within = None if self.noise is None else 2 * self.noise**2
        return plan_run(difference, PilotVariance(self.deviation**2, within), power=power)


def plan_power(
    store: Store, pilot_runs: tuple[Run, Run], metric: str, difference: float, power: float = 0.8
) -> PowerPlan:
    """How many examples and repeats detect ``difference`` in ``metric``, by the variance of these
    two runs. Examples that share a cluster count as in a comparison.

    Raises EvaluationError for a metric that they do not share, a difference that it cannot have,
    or runs without variance; StatisticsError below two shared examples, or where no feasible
    number is enough.
    """
    for run in pilot_runs:
        if metric not in {spec.key for spec in run.spec.metrics}:
            raise EvaluationError(f"{run.id} has no metric {metric!r}.")
    _check_difference(pilot_runs[0], metric, difference)
    first, second = (_repeats(store, run, metric) for run in pilot_runs)
    clusters = filled_clusters(read_clusters(store, pilot_runs[0].spec), first)
    pilot = pilot_variance(first, second, clusters)
    if not pilot.deviation(1):
        raise EvaluationError(
            f"{metric!r} differs by the same between these runs on each of their "
            f"{len(first.keys() & second.keys()):,} examples, so they do not tell how differences "
            "vary. Choose two runs whose replies differ in quality."
        )
    rows = store.get_dataset_version_by_id(pilot_runs[0].spec.dataset_version).rows
    return PowerPlan(
        metric=metric,
        difference=difference,
        power=power,
        pilot=pilot,
        examples=len(first.keys() & second.keys()),
        plans=plan_run(difference, pilot, available=rows, power=power),
    )


def _check_difference(run: Run, metric: str, difference: float) -> None:
    if not math.isfinite(difference) or difference == 0:
        raise EvaluationError(f"The difference to detect must be a number above 0: {difference:g}.")
    info = create_metric(next(spec for spec in run.spec.metrics if spec.key == metric)).info
    lowest, highest = (0, 1) if info.kind == "proportion" else (info.minimum, info.maximum)
    if lowest is None or highest is None or abs(difference) <= highest - lowest:
        return
    hint = " 0.05 is five points." if (lowest, highest) == (0, 1) else ""
    raise EvaluationError(
        f"{metric!r} lies between {lowest:g} and {highest:g}: two runs cannot differ by "
        f"{difference:g}.{hint}"
    )


def _repeats(store: Store, run: Run, metric: str) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for example, group in groupby(store.iterate_outcomes(run.id, metric), key=lambda each: each[0]):
        good = [value for _, _, value in group if value is not None]
        if good:
            values[example] = good
    return values
