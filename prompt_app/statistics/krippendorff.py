"""Krippendorff's alpha: agreement of any number of raters, with labels missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.errors import StatisticsError
from prompt_app.statistics.bootstrap import (
    DEFAULT_RESAMPLING,
    Resampling,
    bootstrap_sums_interval,
)
from prompt_app.statistics.estimate import Estimate, perfect_agreement_interval

FloatArray = NDArray[np.float64]
Scale = Literal["nominal", "ordinal", "interval"]
Rating = str | float | None

_MOST_CELLS = 20_000_000


def krippendorff_alpha(
    units: Sequence[Sequence[Rating]],
    scale: Scale = "nominal",
    order: Sequence[str | float] | None = None,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Estimate:
    """Krippendorff's alpha, 1 for agreement, 0 for chance, with a BCa interval over units.

    ``1 - D_o / D_e``, observed over expected disagreement, from the coincidences of values
    within units. The squared distance is 1 for unequal nominal values, the squared number of
    ratings between two ordinal ones, and the squared difference of interval ones. Krippendorff
    (2019), Content Analysis, 4th edition, chapter 12; units are resampled as in Zapf et al.
    (2016), BMC Medical Research Methodology 16:93.

    ``units``: for each unit the ratings given to it, None where a rater gave none; units with
    fewer than two do not count. ``order``: the ordinal values from one end to the other; numbers
    need none. Undefined where all ratings are equal.

    Raises StatisticsError when no unit has two ratings, or for a rating that does not fit.
    """
    given = [[rating for rating in unit if rating is not None] for unit in units]
    pairable = [unit for unit in given if len(unit) >= 2]
    if not pairable:
        raise StatisticsError("No unit has ratings of two raters, so that none can be compared.")
    if scale == "interval":
        features, statistic, p_differ = _interval_sums(pairable)
    else:
        features, statistic, p_differ = _coincidence_sums(pairable, scale, order)
    distinct, counts = np.unique(features, axis=0, return_counts=True)
    value = float(statistic((counts @ distinct)[None])[0])
    n = len(pairable)
    if not np.isfinite(value):
        return Estimate(None, None, n)
    if value == 1:
        return Estimate(1.0, perfect_agreement_interval(n, p_differ, level), n)
    interval = None
    if distinct.size <= _MOST_CELLS:
        interval = bootstrap_sums_interval(distinct, statistic, level, counts, resampling)
    return Estimate(value, interval, n)


Sums = tuple[FloatArray, Callable[[FloatArray], FloatArray], float]


def _coincidence_sums(
    units: Sequence[Sequence[str | float]], scale: Scale, order: Sequence[str | float] | None
) -> Sums:
    """Each unit's coincidences, shape (units, k * k), and alpha of their sums."""
    index = _positions(units, scale, order)
    size = len(index)
    counts = np.zeros((len(units), size))
    for row, unit in enumerate(units):
        for rating in unit:
            if rating not in index:
                raise StatisticsError(f"The rating {rating!r} is not in the order given.")
            counts[row, index[rating]] += 1
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, np.arange(size), np.arange(size)] -= counts
    features = (pairs / (counts.sum(axis=1) - 1)[:, None, None]).reshape(len(units), -1)

    def alpha(sums: FloatArray) -> FloatArray:
        coincidences = sums.reshape(-1, size, size)
        totals = coincidences.sum(axis=2)
        if scale == "nominal":
            distance = np.broadcast_to(1 - np.eye(size), coincidences.shape)
        else:
            middles = np.cumsum(totals, axis=1) - totals / 2
            distance = np.square(middles[:, :, None] - middles[:, None, :])
        observed = (coincidences * distance).sum(axis=(1, 2))
        chance = np.einsum("bi,bj,bij->b", totals, totals, distance)
        return _alpha(observed, chance, totals.sum(axis=1))

    shares = counts.sum(axis=0) / counts.sum()
    return features, alpha, 1 - float(np.square(shares).sum())


def _interval_sums(units: Sequence[Sequence[str | float]]) -> Sums:
    """Each unit's moments, shape (units, 4), and alpha of their sums."""
    try:
        values = [np.array([float(rating) for rating in unit]) for unit in units]
    except ValueError:
        raise StatisticsError("Ratings on an interval scale must be numbers.") from None
    everything = np.concatenate(values)
    if not np.isfinite(everything).all():
        raise StatisticsError("A rating is infinite or not a number.")
    centre = everything.mean()
    rows = []
    for unit in values:
        own, n = unit - centre, unit.size
        # The sum over ordered pairs of squared differences, each unit's weighted by 1/(n - 1).
        disagreement = 2 * n * float(np.square(own - own.mean()).sum()) / (n - 1)
        rows.append((n, own.sum(), np.square(own).sum(), disagreement))

    def alpha(sums: FloatArray) -> FloatArray:
        n, total, squares, observed = sums.T
        return _alpha(observed, 2 * (n * squares - total**2), n)

    _, counts = np.unique(everything, return_counts=True)
    return np.array(rows), alpha, 1 - float(np.square(counts / everything.size).sum())


def _alpha(observed: FloatArray, chance: FloatArray, n: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance > 1e-12 * n, 1 - (n - 1) * observed / chance, np.nan)


def _positions(
    units: Sequence[Sequence[str | float]], scale: Scale, order: Sequence[str | float] | None
) -> dict[str | float, int]:
    if order is not None:
        return {rating: position for position, rating in enumerate(order)}
    found = {rating for unit in units for rating in unit}
    if scale == "nominal":
        return {rating: position for position, rating in enumerate(sorted(found, key=str))}
    if any(isinstance(rating, str) for rating in found):
        raise StatisticsError("Give the order of ordinal ratings that are not numbers.")
    return {rating: position for position, rating in enumerate(sorted(found, key=float))}
