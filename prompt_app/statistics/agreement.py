"""A judge's labels against a person's: accuracy, precision, recall, F1, Cohen's kappa."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.bootstrap import (
    DEFAULT_RESAMPLING,
    Resampling,
    bootstrap_sums_interval,
)
from prompt_app.statistics.estimate import Estimate, perfect_agreement_interval
from prompt_app.statistics.intervals import wilson_interval
from prompt_app.statistics.jackknife import jackknife_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """How well one label is told from all others."""

    label: str
    actual: int
    """Rows that have it."""
    predicted: int
    """Rows that were given it."""
    precision: Estimate
    """Undefined where it was never given."""
    recall: Estimate
    """Undefined where no row has it."""
    f1: Estimate
    """Undefined where neither."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two labellings of the same rows, one of them taken as the truth."""

    labels: tuple[str, ...]
    rows: int
    missing: int
    """Rows without a label on either side; left out."""
    confusion: tuple[tuple[int, ...], ...]
    """Counts; a row for each actual label, a column for each predicted one."""
    accuracy: Estimate
    by_label: tuple[LabelAgreement, ...]
    macro_precision: Estimate
    macro_recall: Estimate
    macro_f1: Estimate
    """Macro averages are over labels that occur on either side; undefined counts 0 in them."""
    kappa: Estimate
    linear_kappa: Estimate
    """Weighted by the distance between labels in their given order."""
    quadratic_kappa: Estimate


def agreement(
    actual: Sequence[str | None],
    predicted: Sequence[str | None],
    labels: Sequence[str] | None = None,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Agreement:
    """Everything above for ``predicted`` against ``actual``, one label for each row in both.

    ``labels``: all that are allowed, worst to best or best to worst; those found, sorted, when
    absent. Intervals: Wilson's for accuracy, precision and recall; for F1 that of
    :func:`f1_interval`; for kappa
    :func:`~prompt_app.statistics.jackknife.jackknife_interval`; for macro averages BCa over
    resampled confusion matrices.

    Raises StatisticsError for a label that is not allowed, lengths that differ, or when no row
    has both labels.
    """
    names = tuple(labels) if labels is not None else _found(actual, predicted)
    table = confusion_matrix(actual, predicted, names)
    rows = int(table.sum())
    correct = int(np.trace(table))

    def resampled(statistic: Callable[[FloatArray], FloatArray]) -> Estimate:
        return _table_estimate(table, statistic, level, resampling)

    return Agreement(
        labels=names,
        rows=rows,
        missing=len(actual) - rows,
        confusion=tuple(tuple(row) for row in table.tolist()),
        accuracy=_share(correct, rows, level),
        by_label=tuple(_label(table, index, name, level) for index, name in enumerate(names)),
        macro_precision=resampled(lambda t: _macro(t, _diagonal(t), t.sum(axis=1))),
        macro_recall=resampled(lambda t: _macro(t, _diagonal(t), t.sum(axis=2))),
        macro_f1=resampled(lambda t: _macro(t, 2 * _diagonal(t), t.sum(axis=1) + t.sum(axis=2))),
        kappa=kappa(table, kappa_weights(len(names), 0), level),
        linear_kappa=kappa(table, kappa_weights(len(names), 1), level),
        quadratic_kappa=kappa(table, kappa_weights(len(names), 2), level),
    )


def confusion_matrix(
    actual: Sequence[str | None], predicted: Sequence[str | None], labels: Sequence[str]
) -> IntArray:
    """Counts of shape (labels, labels): rows are actual, columns predicted; None is left out.

    Raises StatisticsError as :func:`agreement`.
    """
    if len(actual) != len(predicted):
        raise StatisticsError(f"{len(actual)} actual labels but {len(predicted)} predicted ones.")
    if len(set(labels)) < len(labels):
        raise StatisticsError("The list of labels names one of them twice.")
    index = {label: position for position, label in enumerate(labels)}
    known = set(index) | {None}
    for side, given in (("actual", actual), ("predicted", predicted)):
        unknown = next((label for label in given if label not in known), None)
        if unknown is not None:
            raise StatisticsError(
                f"The {side} label {unknown!r} is none of {', '.join(map(repr, labels))}."
            )
    cells = [
        index[a] * len(labels) + index[p]
        for a, p in zip(actual, predicted, strict=True)
        if a is not None and p is not None
    ]
    if not cells:
        raise StatisticsError("No row has both an actual and a predicted label.")
    counts = np.bincount(cells, minlength=len(labels) ** 2)
    return counts.reshape(len(labels), len(labels))


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


def f1_interval(hits: int, misses: int, level: float = 0.95) -> Interval | None:
    """Interval of F1 = 2 hits / (2 hits + misses); misses are false positives and negatives.

    F1 = 2J / (1 + J) rises with J = hits / (hits + misses), a proportion: Wilson's interval of
    J, transformed. Takahashi et al. (2022), Applied Intelligence 52:4961-4972, discuss F1's
    intervals; this one stays within 0..1 and has a width where there is no miss.
    """
    bounds = wilson_interval(hits, hits + misses, level)
    if bounds is None:
        return None
    return Interval(
        lower=2 * bounds.lower / (1 + bounds.lower),
        upper=2 * bounds.upper / (1 + bounds.upper),
        level=level,
        method="Wilson score, transformed",
    )


def _found(actual: Sequence[str | None], predicted: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(sorted({label for label in (*actual, *predicted) if label is not None}))


def _share(hits: int, n: int, level: float) -> Estimate:
    return Estimate(hits / n if n else None, wilson_interval(hits, n, level), n)


def _label(table: IntArray, index: int, name: str, level: float) -> LabelAgreement:
    hits = int(table[index, index])
    actual, predicted = int(table[index].sum()), int(table[:, index].sum())
    misses = actual + predicted - 2 * hits
    f1 = 2 * hits / (actual + predicted) if actual + predicted else None
    return LabelAgreement(
        label=name,
        actual=actual,
        predicted=predicted,
        precision=_share(hits, predicted, level),
        recall=_share(hits, actual, level),
        f1=Estimate(f1, f1_interval(hits, misses, level), hits + misses),
    )


def _diagonal(tables: FloatArray) -> FloatArray:
    return np.diagonal(tables, axis1=1, axis2=2)


def _macro(tables: FloatArray, hits: FloatArray, out_of: FloatArray) -> FloatArray:
    """Mean over the labels that occur: shapes (b, k, k), (b, k), (b, k) to (b,)."""
    occurs = (tables.sum(axis=1) + tables.sum(axis=2)) > 0
    shares = np.divide(hits, out_of, out=np.zeros_like(out_of), where=out_of > 0)
    return np.asarray((shares * occurs).sum(axis=1) / occurs.sum(axis=1))


def _table_estimate(
    table: IntArray,
    statistic: Callable[[FloatArray], FloatArray],
    level: float,
    resampling: Resampling,
) -> Estimate:
    size = len(table)
    flat = table.ravel()
    filled = np.flatnonzero(flat)

    def of_sums(sums: FloatArray) -> FloatArray:
        return statistic(sums.reshape(-1, size, size))

    value = float(of_sums(flat[None].astype(float))[0])
    interval = bootstrap_sums_interval(
        np.eye(flat.size)[filled], of_sums, level, flat[filled], resampling
    )
    if interval is None and value == 1:
        interval = _perfect_macro_interval(np.diagonal(table), level)
    return Estimate(value if np.isfinite(value) else None, interval, int(flat.sum()))


def _perfect_macro_interval(rows: IntArray, level: float) -> Interval | None:
    """Of a macro average of 1, which resampling cannot vary: the mean of its labels' bounds."""
    bounds = [f1_interval(int(count), 0, level) for count in rows if count > 0]
    if all(bound is None for bound in bounds):
        return None
    lower = sum(bound.lower if bound is not None else 0.0 for bound in bounds) / len(bounds)
    return Interval(lower=lower, upper=1.0, level=level, method="mean of the labels' bounds")


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
    # One row more, spread as chance would: see jackknife_interval.
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / rows**2
    if units is None:
        counts = (table + chance).ravel()
        filled = np.flatnonzero(counts)
        features, times = np.eye(counts.size)[filled], counts[filled]
    else:
        size_of_unit = rows / len(units)
        features = np.vstack([units.reshape(len(units), -1), size_of_unit * chance.ravel()])
        times = np.ones(len(features))
    interval = jackknife_interval(
        features, times, lambda sums: cohen_kappa(sums.reshape(-1, size, size), weights), level
    )
    return Estimate(value, interval, rows)
