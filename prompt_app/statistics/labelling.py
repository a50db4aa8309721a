"""Which rows a person should label next, and the mean that such a choice allows.

Rows are put in strata by the judge's score. Where people's labels vary much within a stratum,
one more label narrows the interval most. Rows chosen so are no random sample of all rows: their
plain mean is biased, :func:`stratified_mean` is not.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.correction import Correction, clustered_sum_error, third_moment
from prompt_app.statistics.intervals import skewness_corrected, t_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_STRATA = 5
_FEWEST = 2
"""Labels that a stratum needs before its spread can be told."""
_BORROWED = 2
_BORROWED_TO_PLAN = 10
"""More, because a plan that trusts the first few labels of a stratum makes its interval too
narrow in the end: coverage fell to 91-93%."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows to which the judge gave similar scores."""

    lowest: float
    highest: float
    """Judge scores."""
    rows: int
    labelled: int
    spread: float
    """Standard deviation of people's labels, drawn towards that of all strata."""
    take: int
    """How many of its rows to label next."""


@dataclass(frozen=True, slots=True)
class LabellingPlan:
    """Rows to label next and what they are worth."""

    rows: tuple[int, ...]
    """Positions in the sequences that were given, in random order."""
    strata: tuple[Stratum, ...]
    standard_error_now: float | None
    """Of the stratified mean; None while a stratum has fewer than two labels."""
    standard_error_after: float | None


def plan_labels(
    judge: Sequence[float], human: Sequence[float | None], count: int, seed: int = 0
) -> LabellingPlan:
    """Choose the ``count`` rows whose labels shrink the interval of the mean most.

    Labels go one at a time where ``W^2 s^2 / (m (m + 1))`` is largest, W a stratum's share of
    all rows, s the spread of its labels, m their number: the whole-number form of Neyman's
    allocation, Wright (2012), The American Statistician 66:217-224. Every stratum first gets two.
    Within a stratum rows are drawn at random, seeded.

    ``judge``: a score for each row; ``human``: its label as a number, None where there is none.
    Judge scores are their own strata up to five distinct ones, else fifths of the rows.

    Raises StatisticsError for lengths that differ or when every row is labelled.
    """
    scores, labels = _checked(judge, human)
    codes = _strata(scores)
    size = int(np.max(codes)) + 1
    open_rows = np.isnan(labels)
    if not open_rows.any():
        raise StatisticsError("Every row is labelled already.")
    spreads = _spreads(labels, codes, _BORROWED_TO_PLAN)
    shares = np.bincount(codes) / codes.size
    have = np.bincount(codes[~open_rows], minlength=size)
    free = np.bincount(codes[open_rows], minlength=size)
    take = np.zeros(size, dtype=np.int64)
    for _ in range(min(count, int(free.sum()))):
        m = have + take
        gain = shares**2 * spreads**2 / np.maximum(1, m * (m + 1))
        gain[m < _FEWEST] += 1e6 * shares[m < _FEWEST] + 1e6
        gain[take >= free] = -1.0
        take[int(np.argmax(gain))] += 1
    generator = np.random.default_rng(seed)
    chosen = [
        generator.choice(np.flatnonzero(open_rows & (codes == code)), take[code], replace=False)
        for code in range(size)
    ]
    return LabellingPlan(
        rows=tuple(generator.permutation(np.concatenate(chosen)).tolist()),
        strata=tuple(
            Stratum(
                lowest=float(scores[codes == code].min(initial=np.inf)),
                highest=float(scores[codes == code].max(initial=-np.inf)),
                rows=int(have[code] + free[code]),
                labelled=int(have[code]),
                spread=float(spreads[code]),
                take=int(take[code]),
            )
            for code in range(size)
        ),
        standard_error_now=_error(shares, spreads, have),
        standard_error_after=_error(shares, spreads, have + take),
    )


def stratified_mean(
    judge: Sequence[float],
    human: Sequence[float | None],
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Correction:
    """The mean label of all rows, from labels spread unevenly over the judge's scores.

    ``sum W_h mean_h``, variance ``sum W_h^2 s_h^2 / m_h + sum W_h (mean_h - mean)^2 / N``, the
    second part because the strata's sizes are a sample too: double sampling, Cochran (1977),
    Sampling Techniques, section 12.2; degrees of freedom by Satterthwaite, section 5.4; bounds
    corrected for skewness as in :func:`prompt_app.statistics.intervals.skewed_mean_interval`. Small
    strata borrow from the spread of all, so that two equal labels are not taken as certainty.
    Unbiased however the rows were chosen, as long as that was by the judge's score and chance.
    ``clusters``: one name for each row, where rows share a source; what each adds to the mean is
    then summed up by cluster before it is squared, and the degrees are at most those of the
    clusters with a label, less one.

    Raises StatisticsError when a stratum has fewer than two labels, naming its scores.
    """
    scores, labels = _checked(judge, human)
    codes = _strata(scores)
    size = int(np.max(codes)) + 1
    known = ~np.isnan(labels)
    have = np.bincount(codes[known], minlength=size)
    for code in np.flatnonzero(have < _FEWEST).tolist():
        inside = scores[codes == code]
        raise StatisticsError(
            f"Only {have[code]} of the {inside.size} rows with judge scores {inside[0]:g} and"
            f" alike are labelled; label at least {_FEWEST} of every kind."
        )
    shares = np.bincount(codes) / codes.size
    means = np.bincount(codes[known], weights=labels[known], minlength=size) / have
    value = float(shares @ means)
    parts = shares**2 * _spreads(labels, codes, _BORROWED) ** 2 / have
    between = float(shares @ np.square(means - value)) / codes.size
    variance = float(parts.sum()) + between
    lower = upper = value
    if variance > 0:
        small = float((parts**2 / (have - 1)).sum()) + between**2 / (codes.size - 1)
        thirds = np.array([third_moment(labels[known & (codes == code)]) for code in range(size)])
        skewness = float((shares**3 * thirds / have**2).sum()) / variance**1.5
        error, degrees = math.sqrt(variance), variance**2 / small
        if clusters is not None:
            parts = (means[codes] - value) / codes.size
            parts[known] += (shares / have)[codes[known]] * (labels - means[codes])[known]
            error = max(error, clustered_sum_error(parts, clusters))
            inside = {name for name, there in zip(clusters, known, strict=True) if there}
            degrees = min(degrees, max(1, len(inside) - 1))
        lower, upper = skewness_corrected(value, error, skewness, t_quantile(level, degrees))
    interval = Interval(lower=lower, upper=upper, level=level, method="stratified t")
    return Correction(float(scores.mean()), value, interval, int(known.sum()))


def _checked(
    judge: Sequence[float], human: Sequence[float | None]
) -> tuple[FloatArray, FloatArray]:
    if len(judge) != len(human) or not len(judge):
        raise StatisticsError(f"{len(judge)} judge scores but {len(human)} rows of labels.")
    scores = np.asarray(judge, dtype=float)
    labels = np.array([math.nan if label is None else float(label) for label in human])
    if not np.isfinite(scores).all() or np.isinf(labels).any():
        raise StatisticsError("A score or label is infinite or not a number.")
    return scores, labels


def _strata(scores: FloatArray) -> IntArray:
    """Stratum numbers without gaps: shape (n,)."""
    distinct, codes = np.unique(scores, return_inverse=True)
    if distinct.size > _MOST_STRATA:
        edges = np.quantile(scores, np.arange(1, _MOST_STRATA) / _MOST_STRATA)
        codes = np.unique(np.searchsorted(edges, scores, side="left"), return_inverse=True)[1]
    return codes.astype(np.int64)


def _spreads(labels: FloatArray, codes: IntArray, borrowed: int) -> FloatArray:
    """Standard deviations of the labels by stratum: shape (strata,).

    ``s^2 = ((m - 1) s_h^2 + b s_all^2) / (m - 1 + b)``, with the weight of b ``borrowed``
    labels for the spread of all; all alike while there are too few labels.
    """
    known = ~np.isnan(labels)
    size = int(np.max(codes)) + 1
    if known.sum() < _FEWEST:
        return np.ones(size)
    values, own = labels[known], codes[known]
    everything = float(values.var(ddof=1))
    count = np.bincount(own, minlength=size)
    means = np.bincount(own, weights=values, minlength=size) / np.maximum(1, count)
    squares = np.bincount(own, weights=np.square(values - means[own]), minlength=size)
    return np.asarray(
        np.sqrt((squares + borrowed * everything) / (np.maximum(0, count - 1) + borrowed))
    )


def _error(shares: FloatArray, spreads: FloatArray, labelled: IntArray) -> float | None:
    if (labelled < _FEWEST).any():
        return None
    return math.sqrt(float((shares**2 * spreads**2 / labelled).sum()))
