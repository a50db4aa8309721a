"""Two runs compared pair by pair, with a verdict in words.

Every metric of a comparison is one :class:`PairedMetric`; :func:`compare` tests them together,
so that Holm's correction covers the whole comparison, however many metrics and candidates.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Direction, Interval
from prompt_app.errors import StatisticsError
from prompt_app.interfaces.watching import told_of
from prompt_app.statistics.bootstrap import Resampling
from prompt_app.statistics.clusters import cluster_codes, widened_interval_of
from prompt_app.statistics.intervals import check_level, normal_quantile, skewed_mean_interval
from prompt_app.statistics.paired_tests import (
    DEFAULT_FLIPS,
    TestResult,
    holm,
    mcnemar_exact,
    paired_proportion_error,
    paired_proportion_interval,
    sign_flip_test,
    signed_ranks,
)
from prompt_app.statistics.spread import Spread, spread_of, sums_of
from prompt_app.statistics.verdict import ALIKE, PairedComparison, decide

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedMetric:
    """One metric in two runs: example id -> value, repeats already averaged."""

    metric: str
    baseline: Mapping[str, float]
    candidate: Mapping[str, float]
    kind: Literal["proportion", "mean"] = "mean"
    direction: Direction = "higher"
    unit: str = ""
    clusters: Mapping[str, Hashable] | None = None
    """Example id -> cluster, where examples share a source."""
    margin: float | None = None
    """The largest difference that does not matter, in the metric's unit; asks for equivalence."""
    bounds: tuple[float, float] | None = None
    """The least and greatest value, where the metric has both."""
    candidate_name: str = ""
    """Tells candidates apart where several are compared with one baseline."""


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """How a comparison is tested."""

    level: float = 0.95
    power: float = 0.8
    """Of the smallest detectable difference."""
    test: Literal["permutation", "wilcoxon"] = "permutation"
    """For values other than pass/fail; Wilcoxon where outliers should count little."""
    flips: Resampling = DEFAULT_FLIPS
    """No p-value gets below 1 / (count + 1): raise it for hundreds of metrics and candidates."""


def compare(
    metrics: Sequence[PairedMetric], options: ComparisonOptions | None = None
) -> tuple[PairedComparison, ...]:
    """Compare every metric pair by pair and decide on all of them together.

    Pass/fail without clusters: exact McNemar and Bonett and Price's interval. Everything else:
    a sign-flip permutation test (or Wilcoxon's) and the interval of
    :func:`~prompt_app.statistics.interval_choice.interval_for` of the differences;
    with clusters, the test flips whole clusters and the interval is the clustered t. Differences
    that are all alike show no spread: they get that of pass/fail pairs of which none changed, times
    the metric's range (of the values seen where it has no bounds), as nothing varies more.
    Equivalence: two one-sided tests, Schuirmann (1987), J. Pharmacokinetics and
    Biopharmaceutics 15:657-680. The smallest detectable difference is
    ``(q(1 - alpha/2m) + q(power)) SE`` with m tests, Cohen (1988), Statistical Power Analysis.

    Results come in the order of ``metrics``. Raises StatisticsError for a margin that is not
    positive, a value that is not finite, or an example without a cluster.
    """
    options = options or ComparisonOptions()
    check_level(options.level)
    if not 0.5 < options.power < 1:
        raise StatisticsError(f"The power must lie between 0.5 and 1, not {options.power}.")
    family = max(1, len(metrics))
    # The level that Holm's first step asks for: what could be detected is said for that.
    strictest = 1 - (1 - options.level) / family
    each = told_of(metrics, "comparisons", len(metrics), every=1)
    measured = [_measure(metric, options, strictest) for metric in each]
    adjusted = _adjust(measured)
    return tuple(decide(result, options.level, options.power, family) for result in adjusted)


def _measure(
    metric: PairedMetric, options: ComparisonOptions, strictest: float
) -> PairedComparison:
    if metric.margin is not None and not metric.margin > 0:
        raise StatisticsError(f"The margin of {metric.metric!r} must be above 0.")
    ids = [example for example in metric.baseline if example in metric.candidate]
    baseline = np.array([metric.baseline[example] for example in ids], dtype=float)
    candidate = np.array([metric.candidate[example] for example in ids], dtype=float)
    clusters = _clusters(metric, ids)
    result = PairedComparison(
        metric=metric.metric,
        candidate_name=metric.candidate_name,
        kind=metric.kind,
        direction=metric.direction,
        unit=metric.unit,
        pairs=len(ids),
        clusters=None if clusters is None else int(np.max(clusters)) + 1,
        only_baseline=len(metric.baseline) - len(ids),
        only_candidate=len(metric.candidate) - len(ids),
        margin=metric.margin,
    )
    if not ids:
        return result
    if not (np.isfinite(baseline).all() and np.isfinite(candidate).all()):
        raise StatisticsError(f"{metric.metric!r} has a value that is infinite or not a number.")
    result = _describe(result, ids, baseline, candidate)
    if len(ids) < 2 or (result.clusters is not None and result.clusters < 2):
        return result
    if metric.kind == "proportion" and bool(np.isin([baseline, candidate], (0, 1)).all()):
        result, spread = _infer_binary(result, candidate - baseline, clusters, options)
    else:
        result, spread = _infer_mean(result, candidate - baseline, clusters, options)
        if spread.error == 0:
            values = np.concatenate([baseline, candidate])
            low, high = metric.bounds or (float(values.min()), float(values.max()))
            result, spread = _infer_alike(result, spread.centre, high - low, options.level)
    result = replace(result, interval=_within(result, metric, candidate - baseline))
    return _with_spread(result, spread, strictest, options.power)


def _within(
    result: PairedComparison, metric: PairedMetric, differences: FloatArray
) -> Interval | None:
    """The interval, cut to the differences that the metric's scale allows."""
    low, high = (0.0, 1.0) if metric.kind == "proportion" else metric.bounds or (-np.inf, np.inf)
    widest = max(high - low, float(np.abs(differences).max(initial=0.0)))
    if result.interval is None:
        return None
    ends = {
        "lower": max(-widest, result.interval.lower),
        "upper": min(widest, result.interval.upper),
    }
    return result.interval.model_copy(update=ends)


def _clusters(metric: PairedMetric, ids: Sequence[str]) -> NDArray[np.int64] | None:
    if metric.clusters is None:
        return None
    try:
        codes = cluster_codes([metric.clusters[example] for example in ids])
    except KeyError as error:
        raise StatisticsError(f"Example {error.args[0]!r} has no cluster.") from None
    shared = len(set(codes)) < len(codes)
    return np.array(codes, dtype=np.int64) if shared else None


def _describe(
    result: PairedComparison, ids: Sequence[str], baseline: FloatArray, candidate: FloatArray
) -> PairedComparison:
    differences = candidate - baseline
    up, down = int((differences > 0).sum()), int((differences < 0).sum())
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    if result.kind == "proportion":
        before, after = baseline >= 0.5, candidate >= 0.5
        gained = tuple(ids[index] for index in np.flatnonzero(~before & after).tolist())
        lost = tuple(ids[index] for index in np.flatnonzero(before & ~after).tolist())
    improved, worsened = (down, up) if result.direction == "lower" else (up, down)
    return replace(
        result,
        baseline_mean=float(baseline.mean()),
        candidate_mean=float(candidate.mean()),
        difference=float(differences.mean()),
        improved=improved,
        worsened=worsened,
        unchanged=len(ids) - up - down,
        gained=gained,
        lost=lost,
    )


def _infer_binary(
    result: PairedComparison,
    differences: FloatArray,
    clusters: NDArray[np.int64] | None,
    options: ComparisonOptions,
) -> tuple[PairedComparison, Spread]:
    up, down = int((differences > 0).sum()), int((differences < 0).sum())
    if clusters is not None and up + down:
        return _infer_mean(result, differences, clusters, options)
    # Without any change the clusters show no spread; each then counts as one pair.
    pairs = result.clusters or result.pairs
    test = mcnemar_exact(up, down)
    result = replace(
        result,
        interval=paired_proportion_interval(up, down, pairs, options.level),
        p_value=test.p_value,
        test=test.method,
        effect_size=up / (up + down) - 0.5 if up + down else 0.0,
        effect_name="Cohen's g",
    )
    return result, Spread(*paired_proportion_error(up, down, pairs), None)


def _infer_mean(
    result: PairedComparison,
    differences: FloatArray,
    clusters: NDArray[np.int64] | None,
    options: ComparisonOptions,
) -> tuple[PairedComparison, Spread]:
    test = _flip(differences, clusters, options)
    sums = None if clusters is None else sums_of(differences, clusters)
    deviation = float(differences.std(ddof=1))
    spread = spread_of(differences, sums)
    interval = None
    if spread.error > 0 and sums is None:
        interval = skewed_mean_interval(differences.tolist(), options.level)
    elif spread.error > 0 and sums is not None:
        interval = widened_interval_of(sums, options.level)
    result = replace(
        result,
        interval=interval,
        p_value=test.p_value,
        test=test.method,
        effect_size=float(differences.mean()) / deviation if deviation > 0 else None,
        effect_name="Cohen's d_z" if deviation > 0 else None,
    )
    return result, spread


def _infer_alike(
    result: PairedComparison, centre: float, width: float, level: float
) -> tuple[PairedComparison, Spread]:
    """An interval of no width would claim certainty."""
    _, error = paired_proportion_error(0, 0, result.clusters or result.pairs)
    spread = Spread(centre, width * error, None)
    if width <= 0:
        return result, spread
    half = normal_quantile(level) * spread.error
    ends = {"lower": max(-width, centre - half), "upper": min(width, centre + half)}
    return replace(result, interval=Interval(**ends, level=level, method=ALIKE)), spread


def _with_spread(
    result: PairedComparison, spread: Spread, strictest: float, power: float
) -> PairedComparison:
    quantiles = spread.quantile(strictest) + spread.quantile(2 * power - 1)
    return replace(
        result,
        detectable=quantiles * spread.error if spread.error > 0 else None,
        p_equivalence=None if result.margin is None else spread.p_equivalence(result.margin),
    )


def _flip(
    differences: FloatArray, clusters: NDArray[np.int64] | None, options: ComparisonOptions
) -> TestResult:
    values, name = differences, ""
    if options.test == "wilcoxon":
        values, name = signed_ranks(differences), "Wilcoxon signed-rank, "
    if clusters is not None:
        values, name = np.bincount(clusters, weights=values), name + "clusters, "
    result = sign_flip_test(values, options.flips)
    return replace(result, method=name + result.method)


def _adjust(results: Sequence[PairedComparison]) -> list[PairedComparison]:
    """Holm's correction over all tests; of one metric's two null hypotheses one is false."""
    slots = [
        (index, name)
        for index, result in enumerate(results)
        for name in ("p_value", "p_equivalence")
        if getattr(result, name) is not None
    ]
    adjusted = holm([getattr(results[i], name) for i, name in slots], most_true=len(results))
    by_slot = dict(zip(slots, adjusted, strict=True))
    return [
        replace(
            result,
            p_adjusted=by_slot.get((index, "p_value")),
            p_equivalence_adjusted=by_slot.get((index, "p_equivalence")),
        )
        for index, result in enumerate(results)
    ]
