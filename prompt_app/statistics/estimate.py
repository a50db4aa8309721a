"""A number with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from prompt_app.datamodel.score import Interval
from prompt_app.statistics.intervals import wilson_interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic, its interval, and how many rows it comes from.

    ``value`` is None where the statistic is undefined for these rows, ``interval`` where it is
    undefined or nothing can be said about its uncertainty.
    """

    value: float | None
    interval: Interval | None
    n: int


def perfect_agreement_interval(n: int, p_differ: float, level: float) -> Interval | None:
    """Interval of a chance-corrected agreement of 1, where leaving units out shows no spread.

    ``1 - q / p_differ`` to 1: q is the most disagreement that Wilson's interval allows after
    none in ``n`` units; ``p_differ`` the chance that two random labels differ, held fixed.
    """
    bounds = wilson_interval(n, n, level)
    if bounds is None or p_differ <= 0:
        return None
    return Interval(
        lower=max(-1.0, 1 - (1 - bounds.lower) / p_differ),
        upper=1.0,
        level=level,
        method="Wilson score, chance agreement held",
    )
