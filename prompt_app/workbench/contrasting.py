"""Several runs beside each other: who leads, at what price, and where they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import Direction, Interval, MetricSpec
from prompt_app.engine.summary import metric_interval, read_clusters
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Page, Store
from prompt_app.interfaces.pairing import CallFigures, PairFilter, SamplePair
from prompt_app.interfaces.watching import told_of
from prompt_app.metrics import create_metric
from prompt_app.statistics.comparison import PairedMetric, compare
from prompt_app.statistics.verdict import PairedComparison
from prompt_app.workbench.comparing import described
from prompt_app.workbench.grouping import group_fields, group_names, split_values
from prompt_app.workbench.matching import (
    filled_clusters,
    match_examples,
    without,
)
from prompt_app.workbench.unpriced import known_cost

MOST_GROUPS = 30
NO_MEANS: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Standing:
    """A run's place among others, by one metric."""

    run: Run
    mean: float
    """Over the examples that every run of the leaderboard scored."""
    interval: Interval | None
    rank: int | None
    """1 + the number of runs that are detectably better, after Holm's correction over all pairs;
    None for a metric of which neither direction is better."""
    tied_with: tuple[str, ...]
    """Ids of the runs that it cannot be told apart from."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Runs by one metric, the best first."""

    metric: str
    direction: Direction
    unit: str
    examples: int
    """Scored in every run, and of equal content."""
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class CallSummary:
    """What an answered sample of a run took. A cached reply counts as the call that made it."""

    samples: int
    cost_usd: float | None
    """Mean of a sample's call; None without a sample, or without a known price."""
    judge_cost_usd: float
    """Of all judge calls of the run."""
    latency_median: float | None
    """Seconds."""
    latency_95th: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """The examples that share a value of a field."""

    name: str
    means: Mapping[str, float]
    """Run id -> mean over the examples scored in that run."""
    results: tuple[PairedComparison, ...]
    """Each candidate against the baseline."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A comparison by groups of examples, corrected over all groups and candidates."""

    field: str
    metric: str
    groups: tuple[Group, ...]
    """The largest first."""
    left_out: int
    """Further groups, smaller than these."""


class RunContrasts:
    """Reads finished work only; nothing here changes the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def leaderboard(self, run_ids: Sequence[str], metric: str) -> Leaderboard:
        """Every run against every other by ``metric`` (its key), on the examples that all scored.

        Raises EvaluationError where a run lacks the metric.
        """
        runs = self._runs(run_ids)
        spec = _spec(runs, metric)
        info = create_metric(spec).info
        values = self._common_values(runs, metric)
        shared = [example for example in values[0] if all(example in each for each in values[1:])]
        clusters = filled_clusters(read_clusters(self._store, runs[0].spec), shared)
        pairs = list(combinations(range(len(runs)), 2))
        results = compare(
            [
                PairedMetric(
                    metric=metric,
                    baseline={example: values[i][example] for example in shared},
                    candidate={example: values[j][example] for example in shared},
                    clusters=clusters,
                    candidate_name=runs[j].id,
                    **described(spec, None),
                )
                for i, j in pairs
            ]
        )
        groups = None if clusters is None else [str(clusters[example]) for example in shared]
        standings = [
            Standing(
                run=run,
                mean=fmean(own) if own else 0.0,
                interval=metric_interval(own, info, groups),
                rank=_rank(number, pairs, results) if info.direction != "neutral" else None,
                tied_with=tuple(runs[other].id for other in _ties(number, pairs, results)),
            )
            for number, run in enumerate(runs)
            for own in [[values[number][example] for example in shared]]
        ]
        sign = 1 if info.direction == "lower" else -1
        standings.sort(key=lambda each: sign * each.mean)
        return Leaderboard(metric, info.direction, info.unit, len(shared), tuple(standings))

    def calls(self, run_id: str) -> CallSummary:
        """Cost and latency of a run's calls."""
        run = self._store.get_run(run_id)
        figures = self._store.call_figures(run.id)
        known = figures.latency_seconds
        return CallSummary(
            samples=len(known),
            cost_usd=known_cost(fmean(figures.cost_usd), run.spec.model) if known else None,
            judge_cost_usd=run.progress.judge_cost_usd,
            latency_median=float(np.quantile(known, 0.5)) if known else None,
            latency_95th=float(np.quantile(known, 0.95)) if known else None,
        )

    def call_figures(self, run_id: str) -> CallFigures:
        """Latency and cost of each answered sample."""
        return self._store.call_figures(self._store.get_run(run_id).id)

    def group_fields(self, run_id: str) -> list[str]:
        """Fields of the run's rows whose values group them, the dataset's cluster field first."""
        return group_fields(self._store, self._store.get_run(run_id).spec)

    def breakdown(self, run_ids: Sequence[str], metric: str, field: str) -> Breakdown:
        """Compare the runs with the first one within each value of ``field``.

        Raises EvaluationError where no row has the field, or a run lacks the metric.
        """
        runs = self._runs(run_ids)
        spec = _spec(runs, metric)
        values = self._common_values(runs, metric)
        named = group_names(self._store, runs[0].spec, field)
        sizes = Counter(named[example] for example in values[0] if example in named)
        chosen = [name for name, _ in sizes.most_common(MOST_GROUPS)]
        clusters = None
        if runs[0].spec.cluster_field not in (None, field):
            clusters = filled_clusters(read_clusters(self._store, runs[0].spec), values[0])
        split = [split_values(own, named) for own in values]
        results = compare(
            [
                PairedMetric(
                    metric=metric,
                    baseline=split[0].get(name, NO_MEANS),
                    candidate=split[number].get(name, NO_MEANS),
                    clusters=clusters,
                    candidate_name=runs[number].id,
                    **described(spec, None),
                )
                for name in chosen
                for number in range(1, len(runs))
            ]
        )
        each = len(runs) - 1
        groups = tuple(
            Group(
                name=name,
                means={
                    run.id: fmean(own[name].values())
                    for run, own in zip(runs, split, strict=True)
                    if own.get(name)
                },
                results=results[place * each : (place + 1) * each],
            )
            for place, name in enumerate(chosen)
        )
        return Breakdown(field, metric, groups, len(sizes) - len(chosen))

    def pairs(
        self, first: str, second: str, wanted: PairFilter, *, offset: int = 0, limit: int = 50
    ) -> Page[SamplePair]:
        """Examples of both runs side by side, the widest change first."""
        return self._store.list_pairs(first, second, wanted, offset=offset, limit=limit)

    def _runs(self, run_ids: Sequence[str]) -> list[Run]:
        runs = [self._store.get_run(run_id) for run_id in run_ids]
        if len({run.id for run in runs}) < max(2, len(runs)):
            raise EvaluationError("A comparison takes at least two runs, each named once.")
        return runs

    def _common_values(self, runs: Sequence[Run], metric: str) -> list[dict[str, float]]:
        """Each run's mean by example; examples of another content than the first run's left out
        everywhere."""
        changed: frozenset[str] = frozenset()
        for run in runs[1:]:
            changed |= match_examples(self._store, runs[0], run).changed
        means = self._store.example_means
        each = told_of(runs, "runs read", len(runs), every=1)
        return [without(means(run.id, metric), changed) for run in each]


def _spec(runs: Sequence[Run], metric: str) -> MetricSpec:
    found: MetricSpec | None = None
    for run in runs:
        own = next((spec for spec in run.spec.metrics if spec.key == metric), None)
        if own is None:
            raise EvaluationError(f"{run.id} has no metric {metric!r}.")
        found = found or own
    assert found is not None
    return found


def _rank(
    number: int, pairs: Sequence[tuple[int, int]], results: Sequence[PairedComparison]
) -> int:
    """1 + how many are detectably better than run ``number``."""
    worse = {"better": 0, "worse": 1}  # the verdict is about the second of a pair
    beaten = [
        pair[worse[result.verdict]] == number
        for pair, result in zip(pairs, results, strict=True)
        if result.verdict in worse
    ]
    return 1 + sum(beaten)


def _ties(
    number: int, pairs: Sequence[tuple[int, int]], results: Sequence[PairedComparison]
) -> list[int]:
    told_apart = ("better", "worse", "higher", "lower")
    return [
        i if j == number else j
        for (i, j), result in zip(pairs, results, strict=True)
        if number in (i, j) and result.verdict not in told_apart
    ]
