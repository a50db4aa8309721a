"""How many examples and repeats a paired comparison needs, before it is run."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from prompt_app.errors import StatisticsError
from prompt_app.statistics.intervals import check_level, normal_quantile, t_quantile

MOST_EXAMPLES = 10_000_000
_MOST_EXACT = 20_000


def paired_power(
    examples: int,
    difference: float,
    deviation: float,
    level: float = 0.95,
    cluster_size: float = 1.0,
) -> float:
    """Power of the two-sided paired t test.

    ``P(|T| > t)`` for T noncentral t with n - 1 degrees and noncentrality
    ``difference sqrt(n) / deviation``. Cohen (1988), Statistical Power Analysis, chapter 2.

    ``deviation``: standard deviation of the differences between the runs, one for each example;
    where examples share clusters, with the design effect in it. ``cluster_size``: examples in
    one, on average; the degrees are then those of n / cluster_size clusters.
    """
    from scipy.special import nctdtr, stdtr

    _check(difference, deviation)
    degrees = examples / cluster_size - 1
    if degrees < 1:
        return 0.0
    critical = t_quantile(level, degrees)
    shift = abs(difference) * math.sqrt(examples) / deviation
    if difference == 0:
        return float(2 * stdtr(degrees, -critical))
    upper = float(nctdtr(degrees, shift, critical))
    lower = float(nctdtr(degrees, shift, -critical))
    # scipy gives NaN for some lower tails below 1e-40.
    return min(1.0, 1 - upper + (lower if math.isfinite(lower) else 0.0))


def examples_needed(
    difference: float,
    deviation: float,
    power: float = 0.8,
    level: float = 0.95,
    cluster_size: float = 1.0,
) -> int:
    """The fewest examples with which :func:`paired_power` reaches ``power``.

    Raises StatisticsError where more than ten million would be needed.
    """
    return _fewest(lambda n: paired_power(n, difference, deviation, level, cluster_size), power)


def detectable_difference(
    examples: int, deviation: float, power: float = 0.8, level: float = 0.95
) -> float | None:
    """The smallest difference that :func:`paired_power` finds with ``power``; None below two."""
    _check_power(power)
    if examples < 2:
        return None
    low, high = 0.0, deviation
    while paired_power(examples, high, deviation, level) < power:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if paired_power(examples, middle, deviation, level) < power:
            low = middle
        else:
            high = middle
    return high


def mcnemar_power(examples: int, gained: float, lost: float, level: float = 0.95) -> float:
    """Power of the exact McNemar test.

    The number of changed examples is binomial(n, gained + lost); given it, those gained are
    binomial with ``gained / (gained + lost)``; summed over both: Duffy (1984), Biometrics
    40:1005-1015. Above 20,000 examples Connor's normal approximation: (1987), Biometrics
    43:207-211.

    ``gained``, ``lost``: the fractions of examples that pass only in the second, first run.
    """
    changed = gained + lost
    if min(gained, lost) < 0 or changed > 1:
        raise StatisticsError(
            f"{gained} gained and {lost} lost: expected two fractions that sum to 1 at most."
        )
    check_level(level)
    if changed == 0 or examples < 1:
        return 0.0
    difference = gained - lost
    if examples > _MOST_EXACT:
        from scipy.special import ndtr

        z = normal_quantile(level) * math.sqrt(changed)
        root = math.sqrt(max(changed - difference**2, 1e-300))
        return float(ndtr((abs(difference) * math.sqrt(examples) - z) / root))
    return _exact_mcnemar_power(examples, gained, lost, 1 - level)


def mcnemar_examples_needed(
    difference: float, changed: float, power: float = 0.8, level: float = 0.95
) -> int:
    """The fewest examples with which :func:`mcnemar_power` reaches ``power``.

    ``difference``: of the pass rates; ``changed``: the fraction of examples that pass in one
    run only, at least the difference. A pilot's own share, or for a guess 2p(1 - p) of two
    unrelated runs with pass rate p, which is more than real runs have.

    Raises StatisticsError where ``changed`` is below the difference, or for too many.
    """
    if not 0 < abs(difference) <= changed <= 1:
        raise StatisticsError(
            f"A difference of {difference} needs a fraction of changed examples between"
            f" {abs(difference)} and 1, not {changed}; the difference must not be 0."
        )
    gained, lost = (changed + difference) / 2, (changed - difference) / 2
    return _fewest(lambda n: mcnemar_power(n, gained, lost, level), power)


def mcnemar_detectable_difference(
    examples: int, changed: float, power: float = 0.8, level: float = 0.95
) -> float | None:
    """The smallest difference of pass rates that :func:`mcnemar_power` finds with ``power``.

    ``changed``: as in :func:`mcnemar_examples_needed`; the difference itself where that is more.
    To three places; None where even 1 would not be found.
    """
    _check_power(power)

    def found(thousandths: int) -> bool:
        difference = thousandths / 1000
        share = max(changed, difference)
        gained, lost = (share + difference) / 2, (share - difference) / 2
        return mcnemar_power(examples, gained, max(0.0, lost), level) >= power

    low, high = 0, 1000
    if not found(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high / 1000


def _exact_mcnemar_power(examples: int, gained: float, lost: float, alpha: float) -> float:
    from scipy.special import bdtr, bdtrc, gammaln, xlog1py, xlogy

    share = gained + lost
    d = np.arange(1, examples + 1)
    # The largest count of the rarer change that is still significant, by bisection; -1: none.
    low, high = np.full(d.size, -1), d // 2
    while np.any(low < high):
        middle = (low + high + 1) // 2
        fits = 2 * bdtr(middle, d, 0.5) <= alpha
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    p = gained / share
    tails = bdtr(low, d, p) + bdtrc(d - low - 1, d, p)
    rejected = np.where(low >= 0, tails, 0.0)
    choose = gammaln(examples + 1) - gammaln(d + 1) - gammaln(examples - d + 1)
    weights = np.exp(choose + xlogy(d, share) + xlog1py(examples - d, -share))
    return float(min(1.0, (weights * rejected).sum()))


def _fewest(power_of: Callable[[int], float], power: float) -> int:
    _check_power(power)
    high = 2
    while power_of(high) < power:
        high *= 2
        if high > MOST_EXAMPLES:
            raise StatisticsError(
                f"More than {MOST_EXAMPLES:,} examples would be needed; ask for a larger"
                " difference or less power."
            )
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power_of(middle) < power else (low, middle)
    return high


def _check(difference: float, deviation: float) -> None:
    if not (math.isfinite(difference) and deviation > 0 and math.isfinite(deviation)):
        raise StatisticsError(
            f"A difference of {difference} with a standard deviation of {deviation}: expected a"
            " number and a positive number."
        )


def _check_power(power: float) -> None:
    if not 0 < power < 1:
        raise StatisticsError(f"The power must lie between 0 and 1, not {power}; 0.8 is usual.")
