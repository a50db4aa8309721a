"""Examples and repeats of a paired comparison, planned from the variance that a pilot showed."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import design_effect
from prompt_app.statistics.power import examples_needed, paired_power


@dataclass(frozen=True, slots=True)
class PilotVariance:
    """Variance of the difference between two runs on one example."""

    between: float
    """Of the examples' true differences."""
    within: float | None
    """Of one repeat about it; None when no example had two repeats, then ``between`` has both."""
    design_effect: float = 1.0
    """How many times as uncertain clusters make the mean difference; ``between`` has it."""
    cluster_size: float = 1.0
    """Examples that share a cluster, on average."""

    def deviation(self, repeats: int) -> float:
        """Standard deviation of an example's difference when each run repeats it so often."""
        if self.within is None:
            return math.sqrt(self.between)
        return math.sqrt(self.between + self.within / repeats)


def pilot_variance(
    baseline: Mapping[str, Sequence[float]],
    candidate: Mapping[str, Sequence[float]],
    clusters: Mapping[str, Hashable] | None = None,
) -> PilotVariance:
    """Split the variance of paired differences, from a pilot with repeats.

    ``within`` pools the repeats' variance of each run over its examples and adds both runs'.
    ``between`` is the variance of the examples' mean differences less what the repeats put
    there, cut at 0. One-way analysis of variance, Searle, Casella and McCulloch (1992),
    Variance Components, chapter 3.

    With ``clusters`` (example id -> cluster) the variance of the mean differences is n times
    the square of their clustered standard error, as a comparison has it; over the variance of
    unrelated examples that is the design effect, never taken below 1. Kish (1965), Survey
    Sampling, section 8.2.

    ``baseline``, ``candidate``: example id -> values of its repeats. Raises StatisticsError
    below two examples in both, or two clusters.
    """
    ids = [id_ for id_ in baseline if len(baseline[id_]) and len(candidate.get(id_, ()))]
    if len(ids) < 2:
        raise StatisticsError("A pilot needs at least two examples that both runs have scored.")
    differences = [float(np.mean(candidate[id_]) - np.mean(baseline[id_])) for id_ in ids]
    total = float(np.var(differences, ddof=1))
    effect, size = _design_effect(ids, differences, clusters)
    total *= effect
    pooled = [_pooled([run[example] for example in ids]) for run in (baseline, candidate)]
    if pooled[0] is None or pooled[1] is None:
        return PilotVariance(total, None, effect, size)
    noise = sum(
        variance * float(np.mean([1 / len(run[example]) for example in ids]))
        for variance, run in zip(pooled, (baseline, candidate), strict=True)
        if variance is not None
    )
    return PilotVariance(max(0.0, total - noise), pooled[0] + pooled[1], effect, size)


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to reach the power; ``samples`` is what each of both runs must generate."""

    examples: int
    repeats: int
    samples: int
    power: float
    enough_examples: bool
    """False where the dataset is smaller than that."""


def plan_run(
    difference: float,
    pilot: PilotVariance,
    available: int | None = None,
    power: float = 0.8,
    level: float = 0.95,
) -> tuple[Plan, ...]:
    """Examples and repeats that detect ``difference`` with ``power``, fewest samples first.

    Among plans that the ``available`` examples allow; those beyond come after. Repeats only
    help against the variance within examples, so that many examples with one repeat each are
    the cheapest plan wherever there are enough of them.
    """
    repeats = (1,) if pilot.within is None else (1, 2, 3, 5, 10, 20)
    plans = []
    for count in repeats:
        deviation = pilot.deviation(count)
        size = pilot.cluster_size
        needed, reached = math.ceil(2 * size), 1.0
        if deviation > 0:
            needed = examples_needed(difference, deviation, power, level, size)
            reached = paired_power(needed, difference, deviation, level, size)
        enough = available is None or needed <= available
        plans.append(Plan(needed, count, needed * count, reached, enough))
    return tuple(sorted(plans, key=lambda plan: (not plan.enough_examples, plan.samples)))


def _design_effect(
    ids: Sequence[str],
    differences: Sequence[float],
    clusters: Mapping[str, Hashable] | None,
) -> tuple[float, float]:
    """How many times clusters multiply the variance of the mean; examples in one, on average."""
    if clusters is None:
        return 1.0, 1.0
    names = [clusters[example] for example in ids]
    if len(set(names)) < 2:
        raise StatisticsError("A pilot needs examples of at least two clusters.")
    return design_effect(differences, names), len(ids) / len(set(names))


def _pooled(groups: Sequence[Sequence[float]]) -> float | None:
    repeated = [group for group in groups if len(group) > 1]
    degrees = sum(len(group) - 1 for group in repeated)
    if degrees == 0:
        return None
    return sum(float(np.var(group)) * len(group) for group in repeated) / degrees
