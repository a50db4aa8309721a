"""Pearson's and Spearman's correlation of a judge's scores with a person's."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import cluster_codes
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.intervals import check_level, normal_quantile
from prompt_app.statistics.jackknife import jackknife_interval

FloatArray = NDArray[np.float64]


def pearson(
    first: Sequence[float],
    second: Sequence[float],
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Pearson's correlation with Fisher's interval.

    ``tanh(atanh(r) +- z / sqrt(n - 3))``: Fisher (1921), Metron 1:3-32. The interval supposes
    values that are roughly normal; it is too narrow for heavy tails, where Spearman's is not.

    ``first``, ``second``: one value for each row. ``clusters``: one name for each, where rows share
    a source; the interval is then
    :func:`~prompt_app.statistics.jackknife.jackknife_interval` over clusters. Undefined where one
    side does not vary; no interval below four rows or for a correlation of exactly 1 or -1.
    Raises StatisticsError for lengths that differ or values that are not finite.
    """
    x, y = _checked(first, second)
    return _of_rows(x, y, level, "pearson", clusters)


def spearman(
    first: Sequence[float],
    second: Sequence[float],
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Spearman's rank correlation; ties share their mean rank.

    ``tanh(atanh(r) +- z sqrt((1 + r^2 / 2) / (n - 3)))``: Bonett and Wright (2000),
    Psychometrika 65:23-28. Everything else as :func:`pearson`.
    """
    x, y = _checked(first, second)
    return _of_rows(mean_ranks(x), mean_ranks(y), level, "spearman", clusters)


def mean_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, ties sharing their mean: shape (n,)."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks


def _checked(first: Sequence[float], second: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.size != y.size:
        raise StatisticsError(f"{x.size} values on one side but {y.size} on the other.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise StatisticsError("A value is infinite or not a number.")
    return x, y


def _correlation(x: FloatArray, y: FloatArray) -> float | None:
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    u, v = x - x.mean(), y - y.mean()
    u, v = u / np.abs(u).max(axis=0), v / np.abs(v).max(axis=0)  # or tiny values underflow
    r = float(u @ v) / math.sqrt(float(u @ u) * float(v @ v))
    return min(1.0, max(-1.0, r))


def _of_rows(
    x: FloatArray,
    y: FloatArray,
    level: float,
    kind: Literal["pearson", "spearman"],
    clusters: Sequence[Hashable] | None,
) -> Estimate:
    plain = _estimate(_correlation(x, y), x.size, level, kind)
    if plain.interval is None or clusters is None or len(set(clusters)) == len(clusters):
        return plain
    u, v = x - x.mean(), y - y.mean()
    rows = np.column_stack([np.ones(x.size), u, v, u * v, u * u, v * v])
    codes = np.array(cluster_codes(clusters))
    sums = np.zeros((int(np.max(codes)) + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)

    def of_sums(s: FloatArray) -> FloatArray:
        n, su, sv, suv, suu, svv = s.T
        spread = (suu - su * su / n) * (svv - sv * sv / n)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((suv - su * sv / n) / np.sqrt(spread))

    bounds = jackknife_interval(sums, np.ones(len(sums)), of_sums, level)
    return Estimate(plain.value, bounds, plain.n)


def _estimate(
    r: float | None, n: int, level: float, kind: Literal["pearson", "spearman"]
) -> Estimate:
    check_level(level)
    if r is None or n < 4 or abs(r) > 1 - 1e-12:
        return Estimate(r, None, n)
    variance = (1 + r * r / 2 if kind == "spearman" else 1.0) / (n - 3)
    half = normal_quantile(level) * math.sqrt(variance)
    interval = Interval(
        lower=math.tanh(math.atanh(r) - half),
        upper=math.tanh(math.atanh(r) + half),
        level=level,
        method="Fisher z" if kind == "pearson" else "Bonett-Wright",
    )
    return Estimate(r, interval, n)
