"""Stopping a comparison early without losing its error rate, however often one looks.

A bettor starts with wealth 1 and bets against "the mean difference is m" on every example in
turn. If that is true the wealth is a fair game, so the chance that it ever reaches 1/alpha is at
most alpha (Ville 1939). Examples must come in an order that does not depend on their scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.intervals import check_level

FloatArray = NDArray[np.float64]

METHOD = "anytime-valid betting"
_LARGEST_BET = 0.5

Outcome = Literal["better", "worse", "equivalent", "continue"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range that paired differences cannot leave: -1 to 1 for scores between 0 and 1."""

    lower: float = -1.0
    upper: float = 1.0


UNIT_SCORES = Bounds()


def log_wealth(
    differences: Sequence[float] | FloatArray,
    mean: float,
    bounds: Bounds = UNIT_SCORES,
    level: float = 0.95,
) -> tuple[FloatArray, FloatArray]:
    """Logarithm of the wealth of two bettors: that the mean is above ``mean``, and below.

    With x and m scaled to 0..1: ``sum log(1 +- l_t (x_t - m))`` and the predictable bets
    ``l_t = sqrt(2 log(2/alpha) / (s2_{t-1} t log(1 + t)))``, cut to 1/(2m) and 1/(2(1 - m));
    s2 is the variance so far, started at 1/4. Waudby-Smith and Ramdas (2024), "Estimating means
    of bounded random variables by betting", J. R. Stat. Soc. B 86:1-27, hedged capital process.

    ``differences``: shape (..., t), in the order in which they came; both results have it too.
    Raises StatisticsError for a difference outside ``bounds``.
    """
    x, bets = _scaled(differences, bounds, level)
    m = (mean - bounds.lower) / (bounds.upper - bounds.lower)
    return _wealth(x, bets, m)


def anytime_interval(
    differences: Sequence[float] | FloatArray, bounds: Bounds = UNIT_SCORES, level: float = 0.95
) -> Interval | None:
    """The means against which neither bettor of :func:`log_wealth` has 2/alpha yet.

    It may be taken after every example: the chance that any one of these intervals misses the
    mean is at most ``1 - level``. None below two differences. Raises StatisticsError for a
    difference outside ``bounds``.
    """
    x, bets = _scaled(differences, bounds, level)
    if x.size < 2:
        return None
    needed = math.log(2 / (1 - level))
    centre = float(x.mean())
    width = bounds.upper - bounds.lower
    # Both wealths are monotone in m: bets that are cut shrink as fast as the stake grows.
    lower = _crossing(lambda m: float(_wealth(x, bets, m)[0][-1]) >= needed, 0.0, centre)
    upper = _crossing(lambda m: float(_wealth(x, bets, m)[1][-1]) >= needed, 1.0, centre)
    return Interval(
        lower=bounds.lower + lower * width,
        upper=bounds.lower + upper * width,
        level=level,
        method=METHOD,
    )


@dataclass(frozen=True, slots=True)
class SequentialDecision:
    """Whether a comparison may stop, and from which example on."""

    outcome: Outcome
    examples: int
    """After which the outcome was certain enough; all so far for ``continue``."""
    p_value: float
    """Anytime-valid, two-sided, of "no difference", over all differences given."""
    interval: Interval | None
    """After ``examples`` differences."""


def decide_sequentially(
    improvements: Sequence[float],
    bounds: Bounds = UNIT_SCORES,
    level: float = 0.95,
    margin: float | None = None,
) -> SequentialDecision:
    """Stop as soon as the candidate is better, worse or, with a margin, equivalent.

    ``improvements``: candidate less baseline for each example in turn, negated where lower is
    better. The chance that a candidate without any difference is ever called better or worse is
    at most ``1 - level``; with several candidates divide that by their number.

    Raises StatisticsError for a difference outside ``bounds`` or a margin that is not positive.
    """
    if margin is not None and margin <= 0:
        raise StatisticsError("The margin must be above 0.")
    values = np.asarray(improvements, dtype=float)
    if values.size == 0:
        return SequentialDecision("continue", 0, 1.0, None)
    needed = math.log(2 / (1 - level))
    above, below = log_wealth(values, 0.0, bounds, level)
    crossings: dict[Outcome, int | None] = {
        "better": _first(above, needed),
        "worse": _first(below, needed),
    }
    if margin is not None and bounds.lower < -margin and margin < bounds.upper:
        over = _first(log_wealth(values, -margin, bounds, level)[0], needed)
        under = _first(log_wealth(values, margin, bounds, level)[1], needed)
        crossings["equivalent"] = None if over is None or under is None else max(over, under)
    reached = {outcome: when for outcome, when in crossings.items() if when is not None}
    outcome: Outcome = min(reached, key=reached.__getitem__) if reached else "continue"
    examples = reached.get(outcome, values.size)
    largest = float(np.max([above, below]))
    return SequentialDecision(
        outcome=outcome,
        examples=examples,
        p_value=min(1.0, 2 * math.exp(-max(0.0, largest))),
        interval=anytime_interval(values[:examples], bounds, level),
    )


@dataclass(frozen=True, slots=True)
class Savings:
    """What stopping early saved of the run that was planned."""

    calls: int
    cost_usd: float
    sentence: str


def savings(planned_calls: int, used_calls: int, spent_usd: float) -> Savings:
    """Calls not made, and their cost at the mean price of those that were made."""
    if not 0 <= used_calls <= planned_calls:
        raise StatisticsError(f"{used_calls} calls used of {planned_calls} planned.")
    calls = planned_calls - used_calls
    cost = calls * spent_usd / used_calls if used_calls else 0.0
    share = calls / planned_calls if planned_calls else 0.0
    sentence = f"Stopping early saved {calls:,} of {planned_calls:,} calls ({share:.0%})"
    shown = f"{cost:.2f}" if cost >= 1 or cost == 0 else f"{cost:.2g}"
    return Savings(calls, cost, f"{sentence}, about {shown} USD.")


def _scaled(
    differences: Sequence[float] | FloatArray, bounds: Bounds, level: float
) -> tuple[FloatArray, FloatArray]:
    """Differences scaled to 0..1, and the bets, each made from the differences before it."""
    check_level(level)
    values = np.asarray(differences, dtype=float)
    if not bounds.lower < bounds.upper:
        raise StatisticsError("The lower bound must be below the upper one.")
    slack = 1e-9 * (bounds.upper - bounds.lower)
    if not np.all((values >= bounds.lower - slack) & (values <= bounds.upper + slack)):
        raise StatisticsError(
            f"A difference lies outside {bounds.lower} to {bounds.upper}: give the bounds that"
            " the metric's own range implies."
        )
    x = np.clip((values - bounds.lower) / (bounds.upper - bounds.lower), 0.0, 1.0)
    t = np.arange(1, x.shape[-1] + 1)
    means = (0.5 + np.cumsum(x, axis=-1)) / (t + 1)
    variances = (0.25 + np.cumsum(np.square(x - means), axis=-1)) / (t + 1)
    before = np.concatenate([np.full((*x.shape[:-1], 1), 0.25), variances[..., :-1]], axis=-1)
    return x, np.sqrt(2 * math.log(2 / (1 - level)) / (before * t * np.log1p(t)))


def _wealth(x: FloatArray, bets: FloatArray, m: float) -> tuple[FloatArray, FloatArray]:
    above = np.minimum(bets, _LARGEST_BET / m if m > 0 else math.inf)
    below = np.minimum(bets, _LARGEST_BET / (1 - m) if m < 1 else math.inf)
    return (
        np.cumsum(np.log1p(above * (x - m)), axis=-1),
        np.cumsum(np.log1p(-below * (x - m)), axis=-1),
    )


def _crossing(excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """The last excluded m between the edge of the range and the sample mean, by bisection."""
    if not excluded(outside):
        return outside
    for _ in range(40):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excluded(middle) else (outside, middle)
    return outside


def _first(wealth: FloatArray, needed: float) -> int | None:
    """How many examples it took; None when it never did."""
    reached = wealth >= needed
    return int(np.argmax(reached)) + 1 if reached.any() else None
