"""Sums up a run: each metric's mean, its interval and its denominators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from statistics import fmean

from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run, RunSpec
from prompt_app.datamodel.score import Interval, MetricInfo, MetricSpec, MetricSummary
from prompt_app.interfaces import Store
from prompt_app.metrics import create_metric
from prompt_app.statistics.interval_choice import interval_for
from prompt_app.statistics.intervals import wilson_interval


def summarize_run(store: Store, run: Run) -> tuple[MetricSummary, ...]:
    """One summary a metric, in the evaluation's order. A failure is counted, never averaged."""
    clusters = read_clusters(store, run.spec)
    return tuple(summarize_metric(store, run, spec, clusters) for spec in run.spec.metrics)


def current_summary(store: Store, run: Run) -> tuple[MetricSummary, ...]:
    """The stored summary of a run that has ended; of an active one, the scores so far."""
    if run.summary and run.state not in ACTIVE_STATES:
        return run.summary
    return summarize_run(store, run)


def summarize_metric(
    store: Store, run: Run, spec: MetricSpec, clusters: dict[str, str] | None
) -> MetricSummary:
    """Repeats are averaged per example first, so that the interval's n is examples."""
    info = create_metric(spec).info
    scored = failed = 0
    groups: list[str] | None = None if clusters is None else []
    values: list[float] = []
    for example, repeats in _by_example(store, run, spec.key, with_ids=clusters is not None):
        good = [value for value in repeats if value is not None]
        scored += len(good)
        failed += len(repeats) - len(good)
        if good:
            values.append(fmean(good))
            if groups is not None and clusters is not None:
                groups.append(clusters.get(str(example), str(example)))
    return MetricSummary(
        metric=spec.key,
        mean=fmean(values) if values else None,
        interval=metric_interval(values, info, groups),
        examples=len(values),
        scored=scored,
        failed=failed,
        # What is not answered yet is not skipped.
        skipped=max(0, run.progress.done - scored - failed),
        direction=info.direction,
        unit=info.unit,
        kind=info.kind,
    )


def _by_example(
    store: Store, run: Run, metric: str, *, with_ids: bool
) -> Iterator[tuple[str | int, list[float | None]]]:
    """Each example's id (or its position, which is read in half the time) and its repeats."""
    outcomes: Iterator[tuple[str | int, float | None]]
    if with_ids:
        outcomes = (
            (example, value) for example, _, value in store.iterate_outcomes(run.id, metric)
        )
    else:
        outcomes = iter(store.iterate_values(run.id, metric))
    for example, group in groupby(outcomes, key=itemgetter(0)):
        yield example, [value for _, value in group]


def metric_interval(
    values: Sequence[float], info: MetricInfo, clusters: Sequence[str] | None
) -> Interval | None:
    """It ends where the metric's scale does. Values that are all the same leave no spread to
    judge by. Nothing between a metric's bounds varies more than values at these bounds with the
    same mean do, so theirs is given: Wilson's. None for such values of a metric without bounds."""
    interval = interval_for(values, info.kind, clusters)
    low, high = info.minimum, info.maximum
    if interval is None:
        return None
    if interval.lower < interval.upper:
        lower = interval.lower if low is None else max(interval.lower, min(low, *values))
        upper = interval.upper if high is None else min(interval.upper, max(high, *values))
        return interval.model_copy(update={"lower": lower, "upper": upper})
    if low is None or high is None or not low <= values[0] <= high or low == high:
        return None
    n = len(set(clusters)) if clusters is not None else len(values)
    share = (values[0] - low) / (high - low)
    bounds = wilson_interval(share * n, n)
    if bounds is None:
        return None
    ends = {end: low + getattr(bounds, end) * (high - low) for end in ("lower", "upper")}
    return bounds.model_copy(update=ends)


def read_clusters(store: Store, spec: RunSpec) -> dict[str, str] | None:
    """Example id -> cluster, where the dataset names a cluster field. Examples whose field is
    absent or blank share nothing, and are left out."""
    if spec.cluster_field is None:
        return None
    values = store.example_values(spec.dataset_version, spec.cluster_field)
    return {example: str(value) for example, value in values.items() if value not in (None, "")}
