"""BCa bootstrap intervals, seeded and vectorised, for statistics without an interval formula."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import cluster_codes
from prompt_app.statistics.intervals import check_level

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]

METHOD = "BCa bootstrap"
CLUSTERED_METHOD = "BCa cluster bootstrap"
_CELLS_AT_ONCE = 4_000_000
_MOST_GROUPS = 1_000


@dataclass(frozen=True, slots=True)
class Resampling:
    """How often to resample, and the seed that makes the result repeatable."""

    count: int = 2_000
    seed: int = 0


DEFAULT_RESAMPLING = Resampling()


def bootstrap_interval(
    values: Sequence[float] | FloatArray,
    statistic: Statistic,
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Interval | None:
    """BCa interval of any statistic of independent rows.

    Bias-corrected and accelerated percentiles: Efron (1987), J. Am. Stat. Assoc. 82:171-185;
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, ch. 14. The acceleration
    comes from a jackknife, over 1000 random groups of rows when there are more rows.

    ``values``: shape (n,) or (n, columns); rows are resampled whole.
    ``statistic``: maps resamples of shape (b, n) or (b, n, columns) to (b,); NaN where undefined.
    ``clusters``: one name for each row; whole clusters are resampled instead (Davison and
    Hinkley 1997, Bootstrap Methods, section 3.8).

    None below two rows or clusters, and where the resamples show no spread at all.
    """
    check_level(level)
    rows = np.asarray(values, dtype=float)
    generator = np.random.default_rng(resampling.seed)
    units = _units(len(rows), clusters, generator)
    if units is None or len(units) < 2:
        return None
    if clusters is None:
        replicates = _resample_rows(rows, statistic, resampling.count, generator)
    else:
        chosen = generator.integers(0, len(units), (resampling.count, len(units)))
        replicates = np.array(
            [statistic(rows[np.concatenate([units[u] for u in row])][None])[0] for row in chosen]
        )
    kept = np.ones(len(rows), dtype=bool)
    jackknife = np.empty(len(units))
    for index, unit in enumerate(units):
        kept[unit] = False
        jackknife[index] = statistic(rows[kept][None])[0]
        kept[unit] = True
    method = METHOD if clusters is None else CLUSTERED_METHOD
    estimate = float(statistic(rows[None])[0])
    return bca_interval(estimate, replicates, jackknife, level, method=method)


def bootstrap_sums_interval(
    features: FloatArray,
    statistic: Statistic,
    level: float = 0.95,
    counts: NDArray[np.int64] | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Interval | None:
    """BCa interval of a statistic of column sums, much faster than :func:`bootstrap_interval`.

    ``features``: shape (n, f), one row for each independent unit; ``counts``: shape (n,), how
    often each row occurs (once when absent), so that a table of counts is resampled in time
    that does not grow with its total. ``statistic`` maps sums of shape (b, f) to (b,).

    None and the sources are those of :func:`bootstrap_interval`.
    """
    check_level(level)
    times = np.ones(len(features), dtype=np.int64) if counts is None else counts
    total = int(times.sum())
    if total < 2:
        return None
    generator = np.random.default_rng(resampling.seed)
    if counts is None:
        sums = _resampled_sums(features, resampling.count, generator)
    else:
        sums = generator.multinomial(total, times / total, resampling.count) @ features
    whole = times @ features
    jackknife = statistic(whole[None] - features)
    estimate = float(statistic(whole[None])[0])
    return bca_interval(estimate, statistic(sums), jackknife, level, weights=times)


def bca_interval(
    estimate: float,
    replicates: FloatArray,
    jackknife: FloatArray,
    level: float = 0.95,
    weights: NDArray[np.int64] | None = None,
    method: str = METHOD,
) -> Interval | None:
    """The BCa interval from an estimate, its bootstrap replicates and its jackknife values.

    ``weights``: how many units each jackknife value stands for. Undefined (NaN) values are left
    out; None when that is more than a tenth of the replicates, or when these do not vary.
    """
    defined = replicates[np.isfinite(replicates)]
    if not np.isfinite(estimate) or defined.size < 0.9 * replicates.size:
        return None
    if defined.size == 0 or np.ptp(defined) <= 1e-12 * max(1.0, abs(estimate)):
        return None
    normal = NormalDist()
    tie = 1e-12 * max(1.0, abs(estimate))
    below = np.mean(defined < estimate - tie) + np.mean(np.abs(defined - estimate) <= tie) / 2
    edge = 0.5 / defined.size
    bias = normal.inv_cdf(float(np.clip(below, edge, 1 - edge)))
    acceleration = _acceleration(jackknife, weights)

    def adjusted(z: float) -> float:
        moved = bias + z
        return normal.cdf(bias + moved / max(1e-9, 1 - acceleration * moved))

    z = normal.inv_cdf(0.5 + level / 2)
    lower, upper = np.quantile(defined, [adjusted(-z), adjusted(z)])
    return Interval(lower=float(lower), upper=float(upper), level=level, method=method)


def _acceleration(jackknife: FloatArray, weights: NDArray[np.int64] | None) -> float:
    times = np.ones(jackknife.size) if weights is None else weights
    usable = np.isfinite(jackknife) & (times > 0)
    left_out, times = jackknife[usable], times[usable]
    if left_out.size == 0:
        return 0.0
    influence = np.average(left_out, weights=times) - left_out
    square = float((times * influence**2).sum())
    return float((times * influence**3).sum()) / (6 * square**1.5) if square > 0 else 0.0


def _units(
    n: int, clusters: Sequence[Hashable] | None, generator: np.random.Generator
) -> list[NDArray[np.int64]] | None:
    """Row numbers of what is left out together in the jackknife."""
    if n < 2:
        return None
    if clusters is None:
        if n <= _MOST_GROUPS:
            return list(np.arange(n)[:, None])
        return np.array_split(generator.permutation(n), _MOST_GROUPS)
    if len(clusters) != n:
        raise StatisticsError(f"{n} rows but {len(clusters)} cluster names: give one for each row.")
    codes = np.array(cluster_codes(clusters))
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _resample_rows(
    rows: FloatArray, statistic: Statistic, count: int, generator: np.random.Generator
) -> FloatArray:
    step = max(1, _CELLS_AT_ONCE // rows.size)
    parts = [
        statistic(rows[generator.integers(0, len(rows), (min(step, count - start), len(rows)))])
        for start in range(0, count, step)
    ]
    return np.concatenate(parts)


def _resampled_sums(features: FloatArray, count: int, generator: np.random.Generator) -> FloatArray:
    n = len(features)
    step = max(1, _CELLS_AT_ONCE // n)
    parts = []
    for start in range(0, count, step):
        size = min(step, count - start)
        chosen = generator.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        times = np.bincount(chosen.ravel(), minlength=size * n).reshape(size, n)
        parts.append(times @ features)
    return np.concatenate(parts)
