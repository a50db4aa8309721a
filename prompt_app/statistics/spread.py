"""How uncertain a difference is, for equivalence and the smallest detectable difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from prompt_app.statistics.clusters import ClusterSums, adjusted_error_of
from prompt_app.statistics.intervals import normal_quantile, t_quantile
from prompt_app.statistics.quantiles import t_tail

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard error of a difference; its degrees of freedom, None for the normal."""

    centre: float
    error: float
    degrees: float | None

    def quantile(self, level: float) -> float:
        """Two-sided."""
        return normal_quantile(level) if self.degrees is None else t_quantile(level, self.degrees)

    def p_equivalence(self, margin: float) -> float | None:
        """The larger p of both one-sided tests; None without a spread, which says too little."""
        if self.error == 0:
            return None
        nearest = (margin - abs(self.centre)) / self.error
        if self.degrees is None:
            return NormalDist().cdf(-nearest)
        tail = t_tail(abs(nearest), self.degrees) / 2
        return tail if nearest > 0 else 1 - tail


def sums_of(differences: FloatArray, clusters: NDArray[np.int64]) -> ClusterSums:
    """``clusters``: codes from 0, one for each difference."""
    mean = float(differences.mean())
    sums = np.bincount(clusters, weights=differences - mean)
    return ClusterSums(mean, np.bincount(clusters).tolist(), sums.tolist())


def spread_of(differences: FloatArray, clusters: ClusterSums | None) -> Spread:
    """Of the mean of ``differences``; an error of 0 where they are all alike."""
    mean, n = float(differences.mean()), differences.size
    if clusters is None:
        spread = Spread(mean, float(differences.std(ddof=1)) / math.sqrt(n), n - 1)
    else:
        found = adjusted_error_of(clusters)
        spread = Spread(mean, 0.0, 1) if found is None else Spread(mean, found.error, found.degrees)
    # What is left of equal differences is a rounding error.
    alike = spread.error <= 1e-12 * max(1.0, abs(mean))
    return Spread(mean, 0.0, spread.degrees) if alike else spread
