"""Intervals of medians and other quantiles, such as the 95th percentile of latencies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.intervals import check_level
from prompt_app.statistics.quantiles import incomplete_beta


def quantile_estimate(values: Sequence[float], q: float, level: float = 0.95) -> Estimate:
    """The ``q`` quantile of ``values`` and its interval, whatever their distribution.

    The value interpolates linearly between order statistics (Hyndman and Fan 1996, definition
    7). The interval is a pair of order statistics, from the binomial number of values below the
    quantile: David and Nagaraja (2003), Order Statistics, section 7.1. It covers at least its
    level for values without ties, and more with them. No interval where there are too few
    values: 72 are needed for the 95th percentile at 95%.

    Raises StatisticsError for ``q`` outside 0..1 or values that are not finite.
    """
    check_level(level)
    if not 0 < q < 1:
        raise StatisticsError(f"A quantile must lie between 0 and 1, not {q}; 0.5 is the median.")
    if not all(map(math.isfinite, values)):
        raise StatisticsError("A value is infinite or not a number.")
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return Estimate(None, None, 0)
    position = q * (n - 1)
    below, share = int(position), position % 1
    above = min(below + 1, n - 1)
    value = ordered[below] * (1 - share) + ordered[above] * share
    return Estimate(value, _interval(ordered, q, level), n)


def _interval(ordered: Sequence[float], q: float, level: float) -> Interval | None:
    n, tail = len(ordered), (1 - level) / 2

    def at_most(count: int) -> float:
        """Chance that so many values lie below the quantile: binomial(n, q)."""
        return 1.0 if count >= n else incomplete_beta(n - count, count + 1, 1 - q, q)

    first = _smallest(lambda count: at_most(count) > tail, n)
    last = _smallest(lambda count: at_most(count) >= 1 - tail, n)
    if first < 1 or last >= n:
        return None
    return Interval(
        lower=ordered[first - 1], upper=ordered[last], level=level, method="order statistics"
    )


def _smallest(holds: Callable[[int], bool], n: int) -> int:
    """The smallest count in 0..n for which ``holds``, by bisection."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
