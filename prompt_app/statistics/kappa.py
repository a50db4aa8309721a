"""Cohen's kappa, weighted or not, with its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prompt_app.statistics.estimate import Estimate, perfect_agreement_interval
from prompt_app.statistics.jackknife import jackknife_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def kappa_weights(labels: int, power: int) -> FloatArray:
    """Disagreement weights ``|i - j|^power`` of shape (labels, labels); 0 for unweighted."""
    distance = np.abs(np.subtract.outer(np.arange(labels), np.arange(labels)))
    return (distance > 0).astype(float) if power == 0 else distance.astype(float) ** power


def cohen_kappa(tables: FloatArray, weights: FloatArray) -> FloatArray:
    """Cohen's kappa of confusion matrices of shape (b, k, k): shape (b,), NaN where undefined.

    ``1 - sum w_ij n_ij / sum w_ij n_i. n_.j / n``. Cohen (1960), Educational and Psychological
    Measurement 20:37-46; weighted: Cohen (1968), Psychological Bulletin 70:213-220.
    """
    chance = np.einsum("ij,bi,bj->b", weights, tables.sum(axis=2), tables.sum(axis=1))
    observed = np.einsum("ij,bij->b", weights, tables) * tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance > 0, 1 - observed / chance, np.nan)


def kappa(
    table: IntArray, weights: FloatArray, level: float = 0.95, units: IntArray | None = None
) -> Estimate:
    """Cohen's kappa of one confusion matrix with its jackknife interval.

    ``table``: counts of shape (k, k); ``weights``: of :func:`kappa_weights`. ``units``: shape
    (units, k, k), the matrix of each independent unit, where rows share one; they are left out
    whole. Undefined where both sides use one label only.
    """
    size, rows = len(table), int(table.sum())
    value = float(cohen_kappa(table[None].astype(float), weights)[0])
    if not np.isfinite(value):
        return Estimate(None, None, rows)
    if np.trace(table) == rows:
        p_differ = 1 - float(np.square(np.diagonal(table) / rows).sum())
        independent = rows if units is None else len(units)
        return Estimate(1.0, perfect_agreement_interval(independent, p_differ, level), rows)
    filled = np.flatnonzero(table)
    features, times = np.eye(table.size)[filled], table.ravel()[filled].astype(float)
    if units is not None:
        features = units.reshape(len(units), -1).astype(float)
        times = np.ones(len(units))
    # One unit more, spread as chance would, and left out whole like any other: of its cells alone
    # less would be left than nothing. See jackknife_interval.
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / (rows * times.sum())
    features, times = np.vstack([features, chance.ravel()]), np.append(times, 1.0)
    interval = jackknife_interval(
        features, times, lambda sums: cohen_kappa(sums.reshape(-1, size, size), weights), level
    )
    return Estimate(value, interval, rows)
