"""Krippendorff's alpha: agreement of any number of raters, with labels missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.errors import StatisticsError
from prompt_app.statistics.estimate import Estimate, perfect_agreement_interval
from prompt_app.statistics.jackknife import jackknife_interval

FloatArray = NDArray[np.float64]
Scale = Literal["nominal", "ordinal", "interval"]
Rating = str | float | None


def krippendorff_alpha(
    units: Sequence[Sequence[Rating]],
    scale: Scale = "nominal",
    order: Sequence[str | float] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Krippendorff's alpha, 1 for agreement, 0 for chance, with a jackknife interval over units.

    ``1 - D_o / D_e``, observed over expected disagreement, from the coincidences of values
    within units. The squared distance is 1 for unequal nominal values, the squared number of
    ratings between two ordinal ones, and the squared difference of interval ones. Krippendorff
    (2019), Content Analysis, 4th edition, chapter 12. The interval is
    :func:`~prompt_app.statistics.jackknife.jackknife_interval`, units being independent.

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
        features, chance, statistic = _interval_sums(pairable)
    else:
        features, chance, statistic = _coincidence_sums(pairable, scale, order)
    value = float(statistic(features.sum(axis=0)[None])[0])
    if not np.isfinite(value):
        return Estimate(None, None, len(pairable))
    if value > 1 - 1e-12:
        _, times = np.unique([rating for unit in pairable for rating in unit], return_counts=True)
        p_differ = 1 - float(np.square(times / times.sum()).sum())
        interval = perfect_agreement_interval(len(pairable), p_differ, level)
        return Estimate(1.0, interval, len(pairable))
    distinct, counts = np.unique(features, axis=0, return_counts=True)
    interval = jackknife_interval(
        np.vstack([distinct, chance]), np.append(counts, 1).astype(float), statistic, level
    )
    return Estimate(value, interval, len(pairable))


Sums = tuple[FloatArray, FloatArray, Callable[[FloatArray], FloatArray]]
"""Each unit's features, those of a unit rated by chance, and alpha of the features' sums."""


def _coincidence_sums(
    units: Sequence[Sequence[str | float]], scale: Scale, order: Sequence[str | float] | None
) -> Sums:
    """The features are coincidences: shape (units, k * k)."""
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

    totals, n = counts.sum(axis=0), counts.sum()
    paired = np.outer(totals, totals) - np.diag(totals)
    return features, n / len(units) * paired.ravel() / (n * (n - 1)), alpha


def _interval_sums(units: Sequence[Sequence[str | float]]) -> Sums:
    """The features are moments: shape (units, 4)."""
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

    features = np.array(rows)
    n, total, squares, _ = features.sum(axis=0)
    disagreement = 2 * (n * squares - total**2) / (n - 1)
    return features, np.array([n, total, squares, disagreement]) / len(units), alpha


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
