"""A judge's labels against a person's: accuracy, precision, recall, F1, Cohen's kappa."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
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
from prompt_app.statistics.clusters import cluster_codes
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.interval_choice import interval_for
from prompt_app.statistics.intervals import wilson_interval
from prompt_app.statistics.kappa import kappa, kappa_weights

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
    clusters: Sequence[Hashable] | None = None,
) -> Agreement:
    """Everything above for ``predicted`` against ``actual``, one label for each row in both.

    ``labels``: all that are allowed, worst to best or best to worst; those found, sorted, when
    absent. Intervals: Wilson's for accuracy, precision and recall; for F1 that of
    :func:`f1_interval`; for kappa
    :func:`~prompt_app.statistics.jackknife.jackknife_interval`; for macro averages BCa over
    resampled confusion matrices. ``clusters``: one name for each row, where rows share a source;
    proportions then have the interval of
    :func:`~prompt_app.statistics.interval_choice.interval_for`, and whole clusters are left out or
    resampled.

    Raises StatisticsError for a label that is not allowed, lengths that differ, or when no row
    has both labels.
    """
    names = tuple(labels) if labels is not None else _found(actual, predicted)
    table = confusion_matrix(actual, predicted, names)
    rows = int(table.sum())
    shares = _Shares(actual, predicted, clusters, level)
    units = shares.units(names)

    def resampled(statistic: Callable[[FloatArray], FloatArray]) -> Estimate:
        return _table_estimate(table, statistic, level, resampling, units)

    def weighted(power: int) -> Estimate:
        return kappa(table, kappa_weights(len(names), power), level, units)

    return Agreement(
        labels=names,
        rows=rows,
        missing=len(actual) - rows,
        confusion=tuple(tuple(row) for row in table.tolist()),
        accuracy=shares.of(lambda _a, _p: True),
        by_label=tuple(_label(table, index, name, shares) for index, name in enumerate(names)),
        macro_precision=resampled(lambda t: _macro(t, _diagonal(t), t.sum(axis=1))),
        macro_recall=resampled(lambda t: _macro(t, _diagonal(t), t.sum(axis=2))),
        macro_f1=resampled(lambda t: _macro(t, 2 * _diagonal(t), t.sum(axis=1) + t.sum(axis=2))),
        kappa=weighted(0),
        linear_kappa=weighted(1),
        quadratic_kappa=weighted(2),
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


def f1_interval(hits: int, misses: int, level: float = 0.95) -> Interval | None:
    """Interval of F1 = 2 hits / (2 hits + misses); misses are false positives and negatives.

    F1 = 2J / (1 + J) rises with J = hits / (hits + misses), a proportion: Wilson's interval of
    J, transformed. Takahashi et al. (2022), Applied Intelligence 52:4961-4972, discuss F1's
    intervals; this one stays within 0..1 and has a width where there is no miss.
    """
    return _as_f1(wilson_interval(hits, hits + misses, level))


def _as_f1(bounds: Interval | None) -> Interval | None:
    if bounds is None:
        return None
    return Interval(
        lower=2 * bounds.lower / (1 + bounds.lower),
        upper=2 * bounds.upper / (1 + bounds.upper),
        level=bounds.level,
        method=f"{bounds.method}, transformed",
    )


def _found(actual: Sequence[str | None], predicted: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(sorted({label for label in (*actual, *predicted) if label is not None}))


class _Shares:
    """How often both sides agree, within some of the rows that both have labelled."""

    def __init__(
        self,
        actual: Sequence[str | None],
        predicted: Sequence[str | None],
        clusters: Sequence[Hashable] | None,
        level: float,
    ) -> None:
        names = range(len(actual)) if clusters is None else clusters
        rows = zip(actual, predicted, names, strict=True)
        self._rows = [(a, p, c) for a, p, c in rows if a is not None and p is not None]
        self._clustered = len({cluster for *_, cluster in self._rows}) < len(self._rows)
        self._level = level

    def of(self, belongs: Callable[[str, str], bool]) -> Estimate:
        rows = [(float(a == p), c) for a, p, c in self._rows if belongs(a, p)]
        hits, clusters = [hit for hit, _ in rows], [cluster for _, cluster in rows]
        n = len(hits)
        interval = interval_for(hits, "proportion", clusters, self._level) if n else None
        return Estimate(sum(hits) / n if n else None, interval, n)

    def units(self, labels: Sequence[str]) -> IntArray | None:
        """A confusion matrix for each cluster: shape (clusters, labels, labels); None without."""
        if not self._clustered:
            return None
        index = {label: place for place, label in enumerate(labels)}
        codes = cluster_codes(cluster for *_, cluster in self._rows)
        tables = np.zeros((max(codes) + 1, len(labels), len(labels)), dtype=np.int64)
        for code, (a, p, _) in zip(codes, self._rows, strict=True):
            tables[code, index[a], index[p]] += 1
        return tables


def _label(table: IntArray, index: int, name: str, shares: _Shares) -> LabelAgreement:
    hits = int(table[index, index])
    actual, predicted = int(table[index].sum()), int(table[:, index].sum())
    misses = actual + predicted - 2 * hits
    f1 = 2 * hits / (actual + predicted) if actual + predicted else None
    return LabelAgreement(
        label=name,
        actual=actual,
        predicted=predicted,
        precision=shares.of(lambda _, p: p == name),
        recall=shares.of(lambda a, _: a == name),
        f1=Estimate(f1, _as_f1(shares.of(lambda a, p: name in (a, p)).interval), hits + misses),
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
    units: IntArray | None,
) -> Estimate:
    size = len(table)
    flat = table.ravel()
    filled = np.flatnonzero(flat)

    def of_sums(sums: FloatArray) -> FloatArray:
        return statistic(sums.reshape(-1, size, size))

    value = float(of_sums(flat[None].astype(float))[0])
    features, counts = np.eye(flat.size)[filled], flat[filled]
    if units is not None:
        features = units.reshape(len(units), -1).astype(float)
        counts = np.ones(len(units), dtype=np.int64)
    interval = bootstrap_sums_interval(features, of_sums, level, counts, resampling)
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
