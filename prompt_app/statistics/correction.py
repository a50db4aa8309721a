"""A judge's mean score corrected by its errors against rows that people labelled.

Both corrections suppose that the labelled rows were drawn at random from rows like those that
are corrected; rows chosen by the judge's score go to
:func:`prompt_app.statistics.labelling.stratified_mean`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import CLUSTERED_WILSON, cluster_codes, design_effect
from prompt_app.statistics.correlation import pearson
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.intervals import (
    normal_quantile,
    skewness_corrected,
    t_quantile,
    wilson_bounds,
    wilson_interval,
)

_FEWEST_FOR_SKEWNESS = 10


@dataclass(frozen=True, slots=True)
class JudgeErrors:
    """How a pass/fail judge did on rows that people labelled."""

    passes: int
    """Rows that people passed."""
    passes_found: int
    """Of those, passed by the judge too."""
    fails: int
    fails_found: int
    pass_effect: float = 1.0
    """Design effect of clusters on the share of passes found: 4 makes 40 rows count as 10."""
    fail_effect: float = 1.0

    def sensitivity(self, level: float = 0.95) -> Estimate:
        """Share of true passes that the judge passes."""
        return _share(self.passes_found, self.passes, level, self.pass_effect)

    def specificity(self, level: float = 0.95) -> Estimate:
        """Share of true fails that the judge fails."""
        return _share(self.fails_found, self.fails, level, self.fail_effect)


@dataclass(frozen=True, slots=True)
class Correction:
    """A judge's mean before and after its correction."""

    raw: float
    """The judge's own mean."""
    value: float
    interval: Interval
    labelled: int
    """Rows that people labelled."""


def judge_errors(
    human: Sequence[bool], judge: Sequence[bool], clusters: Sequence[Hashable] | None = None
) -> JudgeErrors:
    """Count a judge's errors on labelled rows, one verdict for each row on both sides.

    ``clusters``: one name for each row, where rows share a source.
    """
    names = range(len(human)) if clusters is None else clusters
    rows = list(zip(human, judge, names, strict=True))
    found = [(float(said), name) for truth, said, name in rows if truth]
    kept = [(float(not said), name) for truth, said, name in rows if not truth]
    return JudgeErrors(
        passes=len(found),
        passes_found=int(sum(hit for hit, _ in found)),
        fails=len(kept),
        fails_found=int(sum(hit for hit, _ in kept)),
        pass_effect=1.0 if clusters is None else design_effect(*_unzipped(found)),
        fail_effect=1.0 if clusters is None else design_effect(*_unzipped(kept)),
    )


def corrected_pass_rate(
    judge_passes: int, rows: int, errors: JudgeErrors, level: float = 0.95, effect: float = 1.0
) -> Correction:
    """The pass rate that people would have given, from a pass/fail judge's.

    ``(p + Sp - 1) / (Se + Sp - 1)``, cut to 0..1: Rogan and Gladen (1978), American J.
    Epidemiology 107:71-76. Interval: Lang and Reiczigel (2014), Preventive Veterinary Medicine
    113:13-22, which counts the uncertainty of Se and Sp too. Clusters divide each count by its
    design effect: Rao and Scott (1992), Biometrics 48:577-585.

    ``rows``: those that the judge alone scored, ``judge_passes`` of them passed; ``effect``: the
    design effect on their share.

    Raises StatisticsError when fewer than two rows of either kind are labelled, or when the
    judge may be no better than chance: when the interval of Se + Sp - 1 reaches 0.
    """
    if not 0 <= judge_passes <= rows or rows < 2:
        raise StatisticsError(f"{judge_passes} passes of {rows} rows: expected two rows or more.")
    if min(errors.passes, errors.fails) < 2:
        raise StatisticsError(
            f"People passed {errors.passes} and failed {errors.fails} of the labelled rows;"
            " label at least two of each kind to measure the judge's errors."
        )
    informed = informedness(errors, level)
    if informed.interval is None or informed.interval.lower <= 0:
        raise StatisticsError(
            "The judge is not shown to be better than chance: sensitivity + specificity - 1 is"
            f" {informed.value:.2f}, and its interval reaches 0. Its score cannot be corrected;"
            " mend the judge or label more rows."
        )
    sensitivity, specificity = _value(errors.sensitivity()), _value(errors.specificity())
    raw = judge_passes / rows
    value = min(1.0, max(0.0, (raw + specificity - 1) / (sensitivity + specificity - 1)))
    bounds = _lang_reiczigel(judge_passes / effect, rows / effect, errors, level)
    # It is centred on shrunken rates, and with few labels can miss the value: then widened to it.
    ends = {"lower": min(bounds.lower, value), "upper": max(bounds.upper, value)}
    return Correction(
        raw=raw,
        value=value,
        interval=bounds.model_copy(update=ends),
        labelled=errors.passes + errors.fails,
    )


def informedness(errors: JudgeErrors, level: float = 0.95) -> Estimate:
    """Youden's J, sensitivity + specificity - 1: 0 is chance.

    The interval is Newcombe's hybrid score for a difference of proportions, method 10: (1998),
    Statistics in Medicine 17:873-890.
    """
    n = errors.passes + errors.fails
    found, kept = errors.sensitivity(level), errors.specificity(level)
    if found.value is None or kept.value is None:
        return Estimate(None, None, n)
    value = found.value + kept.value - 1
    if found.interval is None or kept.interval is None:
        return Estimate(value, None, n)
    down = math.hypot(found.value - found.interval.lower, kept.value - kept.interval.lower)
    up = math.hypot(found.interval.upper - found.value, kept.interval.upper - kept.value)
    bounds = Interval(lower=value - down, upper=value + up, level=level, method="Newcombe")
    return Estimate(value, bounds, n)


def prediction_powered_mean(
    judge_unlabelled: Sequence[float],
    judge_labelled: Sequence[float],
    human_labelled: Sequence[float],
    level: float = 0.95,
    clusters: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> Correction:
    """The mean that people would have given, from many judge scores and a few of theirs.

    ``mean(w f_unlabelled) + mean(y - w f_labelled)``, standard error
    ``sqrt(w^2 var(f) / N + var(y - w f) / n)``: Angelopoulos et al. (2023), Science
    382:669-674. The weight ``w = cov(y, f) / ((1 + n/N) var(f))``, cut to 0..1, is that of
    PPI++: Angelopoulos, Duchi and Zrnic (2023), arXiv 2311.01453. For few labels the quantile
    is t's with n - 2 degrees and the bounds are corrected for skewness as in
    :func:`prompt_app.statistics.intervals.skewed_mean_interval`.

    ``judge_labelled`` and ``human_labelled`` have one score for each labelled row. ``clusters``:
    names for the unlabelled rows and for the labelled ones, where rows share a source; what each
    row adds to the estimate is then summed up by cluster before it is squared, with C/(C-1) and the
    labelled rows' C for n.

    Raises StatisticsError below two unlabelled or four labelled rows, and when the judge's
    scores are not shown to rise with people's: when the interval of their correlation reaches 0.
    """
    unlabelled = np.asarray(judge_unlabelled, dtype=float)
    judged, human = np.asarray(judge_labelled, float), np.asarray(human_labelled, float)
    if unlabelled.size < 2 or human.size < 4:
        raise StatisticsError(
            f"{human.size} labelled and {unlabelled.size} other rows: at least 4 and 2 are needed."
        )
    if not np.isfinite(unlabelled).all():
        raise StatisticsError("A score is infinite or not a number.")
    names = None if clusters is None else clusters[1]
    _check_informative(pearson(judge_labelled, human_labelled, level, names))
    n, rest = human.size, unlabelled.size
    everything = np.concatenate([unlabelled, judged])
    covariance = float(np.cov(human, judged)[0, 1])
    weight = covariance / ((1 + n / rest) * float(everything.var(ddof=1)))
    weight = min(1.0, max(0.0, weight))
    residuals = human - weight * judged
    value = weight * float(unlabelled.mean()) + float(residuals.mean())
    # The weight is fitted to the same labels: one degree of freedom more.
    error = math.sqrt(
        weight**2 * float(unlabelled.var(ddof=1)) / rest + float(residuals.var(ddof=2)) / n
    )
    third = weight**3 * third_moment(unlabelled) / rest**2 + third_moment(residuals) / n**2
    skewness = third / error**3 if error > 0 and n >= _FEWEST_FOR_SKEWNESS else 0.0
    degrees = n - 2
    if clusters is not None:
        parts = np.concatenate(
            [weight * (unlabelled - unlabelled.mean()) / rest, (residuals - residuals.mean()) / n]
        )
        error = max(error, clustered_sum_error(parts, [*clusters[0], *clusters[1]]))
        degrees = min(degrees, max(1, len(set(clusters[1])) - 2))
    lower, upper = skewness_corrected(value, error, skewness, t_quantile(level, degrees))
    method = "prediction-powered" if clusters is None else "prediction-powered, clustered"
    interval = Interval(lower=lower, upper=upper, level=level, method=method)
    return Correction(raw=float(everything.mean()), value=value, interval=interval, labelled=n)


def clustered_sum_error(parts: NDArray[np.float64], clusters: Sequence[Hashable]) -> float:
    """Standard error of a sum of ``parts``, one for each row, that share clusters: the root of
    ``C/(C-1) sum_c (sum_{i in c} part_i)^2``."""
    sums = np.bincount(cluster_codes(clusters), weights=parts)
    return math.sqrt(sums.size / max(1, sums.size - 1) * float(np.square(sums).sum()))


def third_moment(values: NDArray[np.float64]) -> float:
    """Unbiased third central moment; 0 below three values."""
    n = values.size
    if n < 3:
        return 0.0
    return n * float(np.power(values - values.mean(), 3).sum()) / ((n - 1) * (n - 2))


def _check_informative(correlation: Estimate) -> None:
    perfect = correlation.value is not None and correlation.value > 1 - 1e-9
    if perfect or (correlation.interval is not None and correlation.interval.lower > 0):
        return
    seen = "undefined" if correlation.value is None else f"{correlation.value:.2f}"
    raise StatisticsError(
        f"The judge is not shown to be better than chance: its scores' correlation with people's"
        f" is {seen}, not surely above 0. Use the mean of the labelled rows alone, mend the judge"
        " or label more rows."
    )


def _lang_reiczigel(positives: float, rows: float, errors: JudgeErrors, level: float) -> Interval:
    z = normal_quantile(level)
    n, p = rows + z * z, (positives + z * z / 2) / (rows + z * z)
    n_pass = errors.passes / errors.pass_effect + 2
    n_fail = errors.fails / errors.fail_effect + 2
    found = (errors.passes_found / errors.pass_effect + 1) / n_pass
    kept = (errors.fails_found / errors.fail_effect + 1) / n_fail
    scale = found + kept - 1
    rate = (p + kept - 1) / scale
    noise_pass, noise_fail = found * (1 - found) / n_pass, kept * (1 - kept) / n_fail
    shift = 2 * z * z * (rate * noise_pass - (1 - rate) * noise_fail)
    variance = p * (1 - p) / n + rate**2 * noise_pass + (1 - rate) ** 2 * noise_fail
    half = z * math.sqrt(variance) / scale
    lower, upper = (min(1.0, max(0.0, rate + shift + side * half)) for side in (-1, 1))
    return Interval(lower=lower, upper=upper, level=level, method="Lang-Reiczigel")


def _share(hits: int, n: int, level: float, effect: float) -> Estimate:
    interval = wilson_interval(hits, n, level)
    if interval is not None and effect > 1:
        lower, upper = wilson_bounds(hits / n, n / effect, normal_quantile(level))
        interval = Interval(lower=lower, upper=upper, level=level, method=CLUSTERED_WILSON)
    return Estimate(hits / n if n else None, interval, n)


def _unzipped(pairs: Sequence[tuple[float, Hashable]]) -> tuple[list[float], list[Hashable]]:
    return [value for value, _ in pairs], [name for _, name in pairs]


def _value(estimate: Estimate) -> float:
    if estimate.value is None:
        raise StatisticsError("There are no labelled rows of one kind.")
    return estimate.value
