"""Intervals of means and proportions whose values share clusters, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.intervals import (
    ENOUGH,
    FEWEST_FOR_SKEWNESS,
    check_finite,
    check_level,
    hull,
    skewness_corrected,
    t_quantile,
    wilson_bounds,
    wilson_interval,
)

CLUSTERED = "clustered t"
WIDENED = "clustered t, widened for unequal clusters or skewness"
WILSON_OF_CLUSTERS = "Wilson score over clusters"
CLUSTERED_WILSON = "clustered Wilson score"
WIDENED_WILSON = "clustered Wilson score, widened for unequal clusters"


FEW_CLUSTERS = (
    "Intervals from fewer than 20 clusters (unequal ones count as fewer) cover less than they say "
    "where their values are strongly skewed."
)


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What the values of each cluster come to."""

    mean: float
    """Of all values."""
    sizes: Sequence[int]
    """Values in each cluster."""
    sums: Sequence[float]
    """Of each cluster's differences from the mean."""

    @property
    def n(self) -> int:
        return sum(self.sizes)


@dataclass(frozen=True, slots=True)
class ClusteredError:
    """How uncertain the mean of clustered values is."""

    mean: float
    error: float
    """Standard error of the mean."""
    degrees: float
    """Of freedom of the error."""
    clusters: int
    skewness: float = 0.0
    """Of the mean's sampling distribution, not of the values."""


def clustered_error(values: Sequence[float], clusters: Sequence[Hashable]) -> ClusteredError | None:
    """The textbook's error: ``SE^2 = C/(C-1) * sum_c (sum_{i in c} (x_i - mean))^2 / n^2``, with
    C - 1 degrees for C clusters; None below two clusters.

    Raises StatisticsError for lengths that differ or values that are not finite.
    """
    return _textbook(cluster_sums(values, clusters))


def _textbook(given: ClusterSums) -> ClusteredError | None:
    count = len(given.sizes)
    if count < 2:
        return None
    variance = count / (count - 1) * math.fsum(each**2 for each in given.sums) / given.n**2
    return ClusteredError(given.mean, math.sqrt(variance), count - 1, count)


def adjusted_clustered_error(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> ClusteredError | None:
    """The error that clusters of unequal sizes need; for equal ones that of
    :func:`clustered_error`. None below two clusters.

    Each cluster's square is divided by ``1 - h_c``, ``h_c = n_c / n``, as a large cluster draws
    the mean to itself (CR2), and the degrees are those of Bell and McCaffrey (2002), Survey
    Methodology 28:169-181, for values without correlation; both after Pustejovsky and Tipton
    (2018), J. Business & Economic Statistics 36:672-683. Of a mean they come down to
    ``n^2 / (sum n_c^2 + ((sum b_c)^2 - sum b_c^2) / n^2)`` with ``b_c = n_c^2 / (1 - h_c)``.

    The skewness is ``C^2 / ((C-1)(C-2)) * sum_c (sum_{i in c} (x_i - mean))^3 / (n SE)^3``.
    """
    return adjusted_error_of(cluster_sums(values, clusters))


def adjusted_error_of(given: ClusterSums) -> ClusteredError | None:
    """:func:`adjusted_clustered_error` of sums that are there already."""
    mean, sizes, sums = given.mean, given.sizes, given.sums
    n, count = given.n, len(sizes)
    if count < 2:
        return None
    shares = [size / n for size in sizes]
    squares = (each**2 / (1 - share) for each, share in zip(sums, shares, strict=True))
    error = math.sqrt(math.fsum(squares)) / n
    b = [size**2 / (1 - share) for size, share in zip(sizes, shares, strict=True)]
    pairs = math.fsum(b) ** 2 - math.fsum(each**2 for each in b)
    degrees = n**2 / (math.fsum(size**2 for size in sizes) + pairs / n**2)
    skewness = 0.0
    if count > 2 and error > 1e-12 * max(1.0, abs(mean)):
        cubes = math.fsum((each / (n * error)) ** 3 for each in sums)
        skewness = count**2 / ((count - 1) * (count - 2)) * cubes
    return ClusteredError(mean, error, degrees, count, skewness)


def clustered_mean_interval(
    values: Sequence[float], clusters: Sequence[Hashable], level: float = 0.95
) -> Interval | None:
    """Interval of a mean whose values share clusters; None below two clusters.

    ``mean +- t(C-1) * SE`` with the SE of :func:`clustered_error`.
    Liang and Zeger (1986), Biometrika 73:13-22; for evaluations Miller (2024), "Adding Error
    Bars to Evals", arXiv 2411.00640. The C/(C-1) and the t with C-1 degrees are for few
    clusters: Cameron and Miller (2015), J. Human Resources 50:317-372.

    ``values`` and ``clusters`` have one entry for each example; with every example its own
    cluster the result is that of :func:`mean_interval`. Clusters of very unequal sizes and skewed
    values need :func:`widened_mean_interval`.

    Raises StatisticsError for lengths that differ or values that are not finite.
    """
    return _textbook_interval(cluster_sums(values, clusters), level)


def _textbook_interval(given: ClusterSums, level: float) -> Interval | None:
    check_level(level)
    found = _textbook(given)
    if found is None:
        return None
    half = t_quantile(level, found.degrees) * found.error
    return Interval(lower=found.mean - half, upper=found.mean + half, level=level, method=CLUSTERED)


def widened_mean_interval(
    values: Sequence[float], clusters: Sequence[Hashable], level: float = 0.95
) -> Interval | None:
    """:func:`clustered_mean_interval`, each end moved out to where
    :func:`adjusted_clustered_error` and its skewness put it, if that is further.

    Skewness counts from four degrees of freedom on (five clusters of equal size), corrected for
    as in :func:`~prompt_app.statistics.intervals.skewed_mean_interval`. Where one of 20 clusters
    holds half of the values, the textbook's interval covers 74% and this one 95%. It has a
    ``caution`` below 19 degrees.
    """
    return widened_interval_of(cluster_sums(values, clusters), level)


def widened_interval_of(given: ClusterSums, level: float = 0.95) -> Interval | None:
    """:func:`widened_mean_interval` of sums that are there already."""
    plain, found = _textbook_interval(given, level), adjusted_error_of(given)
    if plain is None or found is None:
        return None
    skewness = found.skewness if found.degrees >= FEWEST_FOR_SKEWNESS - 1 - 1e-9 else 0.0
    quantile = t_quantile(level, found.degrees)
    bounds = skewness_corrected(found.mean, found.error, skewness, quantile)
    caution = FEW_CLUSTERS if found.degrees < ENOUGH - 1 - 1e-9 else ""
    return hull(plain, bounds, WIDENED).model_copy(update={"caution": caution})


def clustered_proportion_interval(
    values: Sequence[float], clusters: Sequence[Hashable], level: float = 0.95
) -> Interval | None:
    """Interval of a proportion whose values share clusters; None below two clusters.

    Wilson's with t with C-1 degrees for z, and for n the effective sample size
    ``p (1 - p) / SE^2``, SE as in :func:`clustered_error`: Korn and Graubard (1998), Survey
    Methodology 24:193-201; Franco et al. (2019), J. Survey Statistics and Methodology 7:334-364.
    0/1 values never count as more than they are. It covers 93 to 98% of the time where the
    symmetric interval around 90% of a dozen clusters covers 87%.

    Values without any spread show no variance: each cluster then counts as one trial, Wilson's.

    Raises StatisticsError for values outside 0..1 and as :func:`clustered_mean_interval`.
    """
    check_level(level)
    found = clustered_error(values, clusters)
    return None if found is None else _clustered_wilson(values, found, level)


def widened_proportion_interval(
    values: Sequence[float], clusters: Sequence[Hashable], level: float = 0.95
) -> Interval | None:
    """:func:`clustered_proportion_interval`, each end moved out to where
    :func:`adjusted_clustered_error` puts it, if that is further."""
    plain = clustered_proportion_interval(values, clusters, level)
    found = adjusted_clustered_error(values, clusters)
    if plain is None or found is None:
        return None
    adjusted = _clustered_wilson(values, found, level)
    return hull(plain, (adjusted.lower, adjusted.upper), WIDENED_WILSON)


def design_effect(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """How many times clusters multiply the variance of the mean, at least 1.

    ``n SE^2 / s^2`` with the SE of :func:`adjusted_clustered_error`: Kish (1965), Survey Sampling,
    section 8.2. Where the values are all alike, as if each cluster were one value.
    """
    found, n = adjusted_clustered_error(values, clusters), len(values)
    if found is None:
        return float(max(1, n))
    variance = math.fsum((value - found.mean) ** 2 for value in values) / (n - 1)
    if variance <= 1e-24 * max(1.0, found.mean**2):
        return n / found.clusters
    return max(1.0, found.error**2 * n / variance)


def cluster_codes(clusters: Iterable[Hashable]) -> list[int]:
    """Whole numbers from 0 for cluster names, in order of first appearance."""
    codes: dict[Hashable, int] = {}
    return [codes.setdefault(cluster, len(codes)) for cluster in clusters]


def cluster_sums(values: Sequence[float], clusters: Sequence[Hashable]) -> ClusterSums:
    """Raises StatisticsError for lengths that differ or values that are not finite."""
    check_finite(values)
    if len(values) != len(clusters):
        raise StatisticsError(
            f"{len(values)} values but {len(clusters)} cluster names: give one for each value."
        )
    members: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    mean = math.fsum(values) / len(values) if values else math.nan
    sums = [math.fsum(value - mean for value in group) for group in members.values()]
    return ClusterSums(mean, [len(group) for group in members.values()], sums)


def _clustered_wilson(values: Sequence[float], found: ClusteredError, level: float) -> Interval:
    if not all(0 <= value <= 1 for value in values):
        raise StatisticsError("The values of a proportion must lie between 0 and 1.")
    p = found.mean
    if len(set(values)) == 1 and p in (0, 1):
        bounds = wilson_interval(p * found.clusters, found.clusters, level)
        if bounds is not None:
            return bounds.model_copy(update={"method": WILSON_OF_CLUSTERS})
    spread = p * (1 - p)
    size = spread / found.error**2 if found.error > 1e-9 else math.inf
    if size == math.inf or all(value in (0, 1) for value in values):
        size = min(size, len(values))
    lower, upper = wilson_bounds(p, size, t_quantile(level, found.degrees))
    return Interval(lower=lower, upper=upper, level=level, method=CLUSTERED_WILSON)
