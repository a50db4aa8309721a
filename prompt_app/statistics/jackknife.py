"""Jackknife intervals of chance-corrected agreement, on the scale of Fisher's z."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.statistics.intervals import check_level, t_quantile

FloatArray = NDArray[np.float64]

METHOD = "jackknife of atanh"


def jackknife_interval(
    features: FloatArray,
    weights: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    level: float = 0.95,
) -> Interval | None:
    """Interval of a statistic between -1 and 1 that is a function of sums over units.

    ``tanh(z +- t(n-1) SE)`` with ``z = atanh(statistic)`` and
    ``SE^2 = (n - 1)/n sum w_i (z_without_i - mean)^2``. Tukey's jackknife on a transformed scale:
    Miller (1974), Biometrika 61:1-15.

    ``features``: shape (units, f); ``weights``: shape (units,), how often each occurs.
    ``statistic`` maps sums of shape (b, f) to (b,). Callers add one unit of chance agreement to
    the weights: it keeps the interval from closing where nearly every unit agrees, and brought
    the coverage near 95% in simulations where the bootstrap had 86 to 92%.

    None below two units, where the statistic is undefined, and where leaving units out shows no
    spread at all (kappa, where one side gives one label only): no width would claim certainty.
    Not for a statistic of 1: there is no spread, see
    :func:`prompt_app.statistics.estimate.perfect_agreement_interval`.
    """
    check_level(level)
    n = float(weights.sum())
    if n <= 2:
        return None
    sums = weights @ features
    end = 1 - 1e-9
    z = np.arctanh(np.clip(statistic(np.vstack([sums, sums - features])), -end, end))
    if not np.isfinite(z).all():
        return None
    centre, without = float(z[0]), z[1:]
    spread = without - float(weights @ without) / n
    if np.abs(spread).max(initial=0.0) <= 1e-12:
        return None
    half = t_quantile(level, n - 1) * math.sqrt((n - 1) / n * float(weights @ np.square(spread)))
    return Interval(
        lower=math.tanh(centre - half), upper=math.tanh(centre + half), level=level, method=METHOD
    )
