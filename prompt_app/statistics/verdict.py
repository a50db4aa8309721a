"""The result of one paired comparison, and what it says in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from prompt_app.datamodel.score import Direction, Interval, with_unit

Verdict = Literal[
    "better",
    "worse",
    "higher",
    "lower",
    "equivalent",
    "no_detectable_difference",
    "undecidable",
]
"""``higher`` and ``lower`` are for metrics of which neither direction is better."""

ALIKE = "Bonett-Price, no pair differs from another"


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """What one metric shows about the candidate; every difference is candidate - baseline."""

    metric: str
    candidate_name: str
    kind: Literal["proportion", "mean"]
    direction: Direction
    unit: str
    pairs: int
    """Examples scored in both runs: the only ones used."""
    clusters: int | None
    """None where no two examples share one."""
    only_baseline: int
    only_candidate: int
    baseline_mean: float | None = None
    candidate_mean: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    """Of the difference; not corrected for multiplicity."""
    p_value: float | None = None
    p_adjusted: float | None = None
    """After Holm's correction over the whole comparison."""
    test: str | None = None
    effect_size: float | None = None
    effect_name: str | None = None
    improved: int = 0
    worsened: int = 0
    unchanged: int = 0
    gained: tuple[str, ...] = ()
    """Proportions only: ids of the examples below 0.5 in the baseline, not in the candidate."""
    lost: tuple[str, ...] = ()
    """The reverse."""
    detectable: float | None = None
    """The smallest difference that pairs like these would show with the asked power."""
    margin: float | None = None
    p_equivalence: float | None = None
    """Of two one-sided tests against the margin, the larger."""
    p_equivalence_adjusted: float | None = None
    verdict: Verdict = "undecidable"
    sentence: str = ""


def decide(result: PairedComparison, level: float, power: float, family: int) -> PairedComparison:
    """``result`` with its verdict and the sentence that explains it.

    Decided on the adjusted p-values against ``1 - level`` and on nothing else; where the interval
    would say otherwise the sentence tells so. ``family``: how many metrics and candidates the
    comparison has. A difference that is detected but lies within the margin is
    equivalent, and the sentence says both. Undecidable below two pairs or clusters, and where
    there are so few that no outcome whatever could be significant.
    """
    alpha = 1 - level
    if result.p_value is None or result.p_adjusted is None or result.difference is None:
        return replace(result, verdict="undecidable", sentence=_too_few(result, 2))
    fewest = math.ceil(1 - math.log2(alpha / family) - 1e-9)
    if (result.clusters or result.pairs) < fewest:
        return replace(result, verdict="undecidable", sentence=_too_few(result, fewest))
    evidence = _evidence(result, family)
    equivalence, margin = result.p_equivalence_adjusted, result.margin
    if equivalence is not None and margin is not None and equivalence <= alpha:
        sentence = f"Equivalent within {_amount(result, margin)}: {evidence}."
        if result.p_adjusted <= alpha:
            sentence += " There is a difference, but a smaller one than the margin."
        if result.interval is not None and result.interval.method == ALIKE:
            sentence += (
                " No pair differs from another: the interval is that of pass/fail results of which"
                " none changed."
            )
        return replace(result, verdict="equivalent", sentence=sentence)
    if result.p_adjusted <= alpha:
        verdict = _direction(result)
        sentence = f"{verdict.capitalize()}: {evidence}." + _contradiction(result, alpha)
        return replace(result, verdict=verdict, sentence=sentence)
    sentence = f"No detectable difference: {evidence}." + _contradiction(result, alpha)
    if result.detectable is not None:
        sentence += (
            f" A difference of {_amount(result, result.detectable)} would have been detected"
            f" {power:.0%} of the time."
        )
    if margin is not None:
        sentence += f" Equivalence within {_amount(result, margin)} is not shown either."
    return replace(result, verdict="no_detectable_difference", sentence=sentence)


def _contradiction(result: PairedComparison, alpha: float) -> str:
    """Test and interval are two computations, and only the test is corrected: near the border
    they can differ."""
    if result.interval is None or result.p_value is None or result.p_adjusted is None:
        return ""
    outside = not result.interval.lower <= 0 <= result.interval.upper
    if outside == (result.p_adjusted <= alpha):
        return ""
    if outside and result.p_value <= alpha:
        return " The interval leaves 0 out, but is not corrected; the verdict is the test's."
    return f" The interval {'leaves 0 out' if outside else 'reaches 0'}; the verdict is the test's."


def _direction(result: PairedComparison) -> Verdict:
    up = (result.difference or 0) > 0
    if result.direction == "neutral":
        return "higher" if up else "lower"
    return "better" if up == (result.direction == "higher") else "worse"


def _too_few(result: PairedComparison, fewest: int) -> str:
    if result.pairs == 0:
        return "Undecidable: no example was scored in both runs."
    count, one, more = result.pairs, "example", "examples"
    if result.clusters is not None:
        count, one, more = result.clusters, "cluster of examples", "clusters of examples"
    what = one if count == 1 else more
    return f"Undecidable: {count} {what} scored in both runs; a verdict needs at least {fewest}."


def _evidence(result: PairedComparison, family: int) -> str:
    words = f"{result.metric} differs by {_amount(result, result.difference or 0.0, signed=True)}"
    if result.interval is not None:
        bounds = (result.interval.lower, result.interval.upper)
        low, high = (_amount(result, bound, signed=True) for bound in bounds)
        words += f" ({result.interval.level:.0%} interval {low.split()[0]} to {high}, "
    else:
        words += " ("
    p = result.p_adjusted or 0.0
    words += "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
    if family > 1:
        words += f" after Holm's correction over {family} comparisons"
    return f"{words}, {result.pairs} pairs)"


def _amount(result: PairedComparison, value: float, *, signed: bool = False) -> str:
    """In percentage points for a proportion, else in the metric's unit."""
    sign = "+" if signed else ""
    if result.kind == "proportion":
        return f"{100 * value:{sign}.1f} points"
    return with_unit(f"{value:{sign}.3g}", result.unit)
