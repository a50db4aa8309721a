"""Tests of paired differences, and Holm's correction for many of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.bootstrap import Resampling
from prompt_app.statistics.correlation import mean_ranks
from prompt_app.statistics.intervals import normal_quantile
from prompt_app.statistics.quantiles import incomplete_beta

FloatArray = NDArray[np.float64]

MCNEMAR = "exact McNemar"
EXACT_FLIP = "exact sign-flip permutation"
SAMPLED_FLIP = "sampled sign-flip permutation"
DEFAULT_FLIPS = Resampling(count=9_999, seed=0)
_MOST_EXACT = 20
_MOST_FLIPPED = 5_000
_LARGEST = 500


@dataclass(frozen=True, slots=True)
class TestResult:
    """A two-sided p-value and the test it came from."""

    __test__ = False  # not a test case for pytest

    p_value: float
    method: str


def mcnemar_exact(gained: int, lost: int) -> TestResult:
    """Exact McNemar test of paired pass/fail results.

    ``p = min(1, 2 P(X <= min(gained, lost)))``, X binomial(gained + lost, 1/2). McNemar (1947),
    Psychometrika 12:153-157; exact form in Agresti (2013), Categorical Data Analysis, 11.1.

    ``gained``, ``lost``: examples that pass in the second run only, in the first run only.
    """
    if gained < 0 or lost < 0:
        raise StatisticsError("Counts of changed examples cannot be negative.")
    changed = gained + lost
    if gained == lost:
        return TestResult(1.0, MCNEMAR)
    rarer = min(gained, lost)
    # P(X <= k) of a binomial is a regularised incomplete beta function: DLMF 8.17.5.
    tail = incomplete_beta(changed - rarer, rarer + 1, 0.5, 0.5)
    return TestResult(min(1.0, 2 * tail), MCNEMAR)


def sign_flip_test(
    differences: Sequence[float] | FloatArray, flips: Resampling = DEFAULT_FLIPS
) -> TestResult:
    """Permutation test that paired differences have mean zero: exchange the runs, pair by pair.

    Two-sided on the sum, which orders the permutations as the t statistic does. Fisher (1935),
    The Design of Experiments, section 21. All 2^n exchanges up to 20 differences that are not
    zero, else ``flips.count`` random ones with ``p = (b + 1) / (count + 1)``: Phipson and Smyth
    (2010), Stat. Appl. Genet. Mol. Biol. 9:39. Above 5000 differences the 500 largest are
    flipped and the sum of the others is drawn from its normal limit (Lindeberg).

    ``differences``: one for each pair, or one sum for each cluster of pairs.
    """
    values = np.asarray(differences, dtype=float)
    magnitudes = np.abs(values[values != 0])
    if magnitudes.size == 0:
        return TestResult(1.0, EXACT_FLIP)
    # Sums that are equal in exact arithmetic must count as equal.
    observed = abs(float(values.sum())) - 1e-9 * float(magnitudes.sum())
    if magnitudes.size <= _MOST_EXACT:
        sums = magnitudes[:1]
        for magnitude in magnitudes[1:]:
            sums = np.concatenate([sums + magnitude, sums - magnitude])
        return TestResult(float(np.mean(np.abs(sums) >= observed)), EXACT_FLIP)
    reached = int(np.sum(np.abs(_flipped_sums(magnitudes, flips)) >= observed))
    return TestResult((reached + 1) / (flips.count + 1), SAMPLED_FLIP)


def signed_ranks(differences: Sequence[float] | FloatArray) -> FloatArray:
    """Wilcoxon's signed ranks: shape (n,), zeros stay zero, ties share their mean rank.

    :func:`sign_flip_test` of these is Wilcoxon's signed-rank test. Wilcoxon (1945), Biometrics
    Bulletin 1:80-83; zeros dropped as there.
    """
    values = np.asarray(differences, dtype=float)
    ranks = np.zeros_like(values)
    kept = values != 0
    ranks[kept] = np.sign(values[kept]) * mean_ranks(np.abs(values[kept]))
    return ranks


def holm(p_values: Sequence[float], most_true: int | None = None) -> tuple[float, ...]:
    """p-values adjusted so that the chance of any false claim among them stays below the level.

    ``max_{j<=i} min(1, (m - j + 1) p_(j))`` over the sorted values. Holm (1979), Scandinavian
    J. Statistics 6:65-70. ``most_true``: how many null hypotheses can hold at once, where some
    exclude each other (a difference of zero, a difference of at least the margin); the factor
    is then at most that: Shaffer (1986), J. Am. Stat. Assoc. 81:826-831, procedure S1.
    """
    count = len(p_values)
    limit = count if most_true is None else most_true
    adjusted = [0.0] * count
    largest = 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, min(limit, count - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def paired_proportion_error(gained: int, lost: int, pairs: int) -> tuple[float, float]:
    """Adjusted estimate and standard error of a difference of paired proportions.

    One pair is added to each kind of change: ``p = (x + 1) / (n + 2)``, estimate
    ``p_gained - p_lost``, ``SE^2 = (p_gained + p_lost - estimate^2) / (n + 2)``. Bonett and
    Price (2012), J. Educational and Behavioral Statistics 37:479-488.
    """
    up, down = (gained + 1) / (pairs + 2), (lost + 1) / (pairs + 2)
    estimate = up - down
    return estimate, math.sqrt((up + down - estimate**2) / (pairs + 2))


def paired_proportion_interval(
    gained: int, lost: int, pairs: int, level: float = 0.95
) -> Interval | None:
    """Bonett and Price's interval of (second - first) of paired proportions; None below two.

    ``estimate +- z SE`` of :func:`paired_proportion_error`, cut to -1..1. It has a width even
    where no example changed. Recommended by Fagerland, Lydersen and Laake (2014), Statistics in
    Medicine 33:2850-2875.
    """
    z = normal_quantile(level)
    if pairs < 2:
        return None
    estimate, error = paired_proportion_error(gained, lost, pairs)
    return Interval(
        lower=max(-1.0, estimate - z * error),
        upper=min(1.0, estimate + z * error),
        level=level,
        method="Bonett-Price",
    )


def _flipped_sums(magnitudes: FloatArray, flips: Resampling) -> FloatArray:
    generator = np.random.default_rng(flips.seed)
    rest = 0.0
    if magnitudes.size > _MOST_FLIPPED:
        magnitudes = np.sort(magnitudes)
        rest = math.sqrt(float(np.square(magnitudes[:-_LARGEST]).sum()))
        magnitudes = magnitudes[-_LARGEST:]
    total, size = float(magnitudes.sum()), magnitudes.size
    sums = np.empty(flips.count)
    step = max(1, 2_000_000 // size)
    for start in range(0, flips.count, step):
        rows = min(step, flips.count - start)
        packed = generator.integers(0, 256, (rows, -(-size // 8)), dtype=np.uint8)
        kept = np.unpackbits(packed, axis=1, count=size).astype(float)
        sums[start : start + rows] = 2 * (kept @ magnitudes) - total
    return sums + rest * generator.standard_normal(flips.count) if rest else sums
