"""Confidence intervals of proportions and means.

A worker sums up each of its runs with these, so they are plain Python: importing numpy and scipy
would cost it time and memory at every start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.quantiles import two_sided_normal, two_sided_t

WILSON = "Wilson score"
STUDENT = "t"
SKEWED = "t, widened for skewness"
ENOUGH = 20
"""Values (or clusters) from which on an interval covers 93% also where they are strongly skewed."""
FEW_VALUES = (
    "Intervals from fewer than 20 values cover less than they say where these are strongly skewed."
)
FEWEST_FOR_SKEWNESS = 5
"""Below this many values (or clusters) their skewness is too uncertain to correct for."""


def normal_quantile(level: float) -> float:
    """The z with which ``estimate +- z * standard error`` covers ``level`` (two-sided)."""
    check_level(level)
    return two_sided_normal(level)


def t_quantile(level: float, degrees: float) -> float:
    """The same of Student's t with ``degrees`` of freedom."""
    check_level(level)
    return two_sided_t(level, degrees)


def check_level(level: float) -> None:
    """Raises StatisticsError unless ``level`` lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise StatisticsError(
            f"A confidence level must lie between 0 and 1, not {level}; use 0.95 for 95%."
        )


def wilson_interval(successes: float, n: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval of a proportion; None below two trials.

    ``(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`` with ``p = successes / n``.
    Wilson (1927), J. Am. Stat. Assoc. 22:209-212; recommended for any n by Brown, Cai and
    DasGupta (2001), Statistical Science 16:101-133.

    Raises StatisticsError when ``successes`` is not within 0..n.
    """
    z = normal_quantile(level)
    if not 0 <= successes <= n:
        raise StatisticsError(f"{successes} successes out of {n} trials: expected 0 to {n}.")
    if n < 2:
        return None
    lower, upper = wilson_bounds(successes / n, n, z)
    return Interval(lower=lower, upper=upper, level=level, method=WILSON)


def wilson_bounds(p: float, n: float, z: float) -> tuple[float, float]:
    """Of :func:`wilson_interval`, for any effective sample size ``n`` and quantile ``z``."""
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At 0 and 1 the bound is exactly that; the formula leaves a rounding error there.
    lower = 0.0 if p == 0 else max(0.0, (centre - half) / scale)
    upper = 1.0 if p == 1 else min(1.0, (centre + half) / scale)
    return lower, upper


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Student's t interval of a mean; None below two values.

    ``mean +- t(n-1) * s / sqrt(n)``, where s has the n-1 denominator. Student (1908),
    Biometrika 6:1-25. ``values``: one for each example, independent of each other.

    On skewed values it covers less than its level until n is large (86% instead of 95% for
    standard lognormal values at n = 20); there :func:`skewed_mean_interval` does better.

    Raises StatisticsError for values that are not finite.
    """
    check_level(level)
    check_finite(values)
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    error = _deviation(values, mean) / math.sqrt(n)
    half = t_quantile(level, n - 1) * error
    return Interval(lower=mean - half, upper=mean + half, level=level, method=STUDENT)


def skewed_mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Student's t interval of a mean, each end moved out to where the values' skewness puts it, if
    that is further; None below two values, :func:`mean_interval`'s own below five.

    With skewness the ends are ``mean - G(+-t) * s / sqrt(n)``,
    ``G(r) = (cbrt(1 + 6a(r - a)) - 1) / 2a`` and ``a = m3 / (6 sqrt(n) s^3)``, m3 the unbiased
    third central moment: Willink (2005), Communications in Statistics 34:753-766, after Hall
    (1992), J. R. Stat. Soc. B 54:221-228. Each of both intervals alone covers too little on some
    of the distributions in ``tests/statistics/test_coverage.py``; what spans both covers 93% and
    more from five values on, strongly skewed ones (standard lognormal) from 20 on. The price is
    width: 1.6 times that of t at five normal values, 1.2 at ten, 1.04 at twenty. Below twenty
    values it has a ``caution``: how skewed these are, so few do not show.

    Raises StatisticsError for values that are not finite.
    """
    plain = mean_interval(values, level)
    n = len(values)
    if plain is not None and n < ENOUGH:
        plain = plain.model_copy(update={"caution": FEW_VALUES})
    if plain is None or n < FEWEST_FOR_SKEWNESS:
        return plain
    mean = math.fsum(values) / n
    deviation = _deviation(values, mean)
    # Equal or symmetric values leave only rounding errors, whose skewness means nothing.
    if deviation <= 1e-12 * abs(mean):
        return plain
    cubes = math.fsum(((value - mean) / deviation) ** 3 for value in values)
    third = n * cubes / ((n - 1) * (n - 2))
    if abs(third) < 1e-9:
        return plain
    bounds = skewness_corrected(
        mean, deviation / math.sqrt(n), third / math.sqrt(n), t_quantile(level, n - 1)
    )
    return hull(plain, bounds, SKEWED)


def hull(plain: Interval, bounds: tuple[float, float], method: str) -> Interval:
    """``plain``, each end moved out to that of ``bounds`` if it is further; then by ``method``."""
    ends = {"lower": min(plain.lower, bounds[0]), "upper": max(plain.upper, bounds[1])}
    slack = 1e-9 * (plain.upper - plain.lower)
    if ends["lower"] > plain.lower - slack and ends["upper"] < plain.upper + slack:
        return plain
    return plain.model_copy(update={**ends, "method": method})


def skewness_corrected(
    estimate: float, error: float, skewness: float, t: float
) -> tuple[float, float]:
    """Bounds of an estimate whose sampling distribution has ``skewness``.

    ``error`` is its standard error, ``t`` the quantile; the formula is that of
    :func:`skewed_mean_interval` with ``a = skewness / 6``. With none: ``estimate +- t error``.
    """
    a = skewness / 6

    def transformed(r: float) -> float:
        return (math.cbrt(1 + 6 * a * (r - a)) - 1) / (2 * a) if abs(a) > 1e-6 else r

    return estimate - transformed(t) * error, estimate - transformed(-t) * error


def _deviation(values: Sequence[float], mean: float) -> float:
    """The standard deviation with the n-1 denominator."""
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def check_finite(values: Iterable[float]) -> None:
    """Raises StatisticsError for a value that is infinite or not a number."""
    if not all(map(math.isfinite, values)):
        raise StatisticsError(
            "A value is infinite or not a number; leave samples without a score out."
        )
