"""How much of the scores' spread comes from the examples, from sampling, and from the judge."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import cluster_codes, design_effect

Source = Literal["examples", "repeats", "judgements"]


@dataclass(frozen=True, slots=True)
class Costs:
    """What one more of each costs, all in one currency."""

    example: float = 0.0
    """To write or label it; its responses and judgements come on top."""
    response: float = 1.0
    judgement: float = 1.0


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Variances of a score: of the examples' true means, of a response, of a judgement."""

    example: float
    sampling: float | None
    """Between responses to one example; None where no example has two, then ``example`` has it."""
    judge: float | None
    """Between judgements of one response; None where none has two, then ``sampling`` has it."""
    examples: int
    repeats: float
    """Mean responses of an example."""
    judgements: float
    """Mean judgements of a response."""
    shared: float = 0.0
    """What clusters add to the examples' variance in the mean: (design effect - 1) times the
    variance of the examples' mean scores."""
    clusters: int | None = None
    """None where no two examples share one."""

    def standard_error(self, examples: float, repeats: float, judgements: float = 1) -> float:
        """Of the mean score: ``sqrt(e/n + s/(n r) + j/(n r k))``, Brennan (2001),
        Generalizability Theory, chapter 3; clusters add to e what they share."""
        inner = (self.sampling or 0.0) + (self.judge or 0.0) / judgements
        return math.sqrt((self.example + self.shared + inner / repeats) / examples)

    @property
    def shares(self) -> dict[str, float]:
        """Each known component's share of one judgement's variance; empty without variance."""
        parts = {"example": self.example, "sampling": self.sampling, "judge": self.judge}
        known = {name: value for name, value in parts.items() if value is not None}
        total = sum(known.values())
        return {name: value / total for name, value in known.items()} if total > 0 else {}


def variance_components(
    values: Sequence[float],
    examples: Sequence[Hashable],
    responses: Sequence[Hashable] | None = None,
    clusters: Mapping[Any, Hashable] | None = None,
) -> VarianceComponents:
    """Split the variance of judgements nested in responses nested in examples.

    Analysis-of-variance estimators for unbalanced nested data, negative ones cut at 0: Searle,
    Casella and McCulloch (1992), Variance Components, section 5.3 and appendix F.

    ``values``: one for each judgement; ``examples``: its example; ``responses``: its response,
    unique within the example; every value its own response when absent; ``clusters``: example ->
    cluster, where examples share a source, for
    :func:`~prompt_app.statistics.clusters.design_effect`.

    Raises StatisticsError below two examples or for lengths that differ.
    """
    array = np.asarray(values, dtype=float)
    names = list(range(len(array))) if responses is None else list(responses)
    if not len(array) == len(examples) == len(names):
        raise StatisticsError("Give one example and one response name for each value.")
    outer = np.array(cluster_codes(examples), dtype=np.int64)
    inner = np.array(cluster_codes(zip(outer.tolist(), names, strict=True)), dtype=np.int64)
    if outer.size == 0 or outer.max(axis=0) < 1:
        raise StatisticsError("The variance of scores needs at least two examples.")
    if not np.isfinite(array).all():
        raise StatisticsError("A value is infinite or not a number.")
    found = _components(array - array.mean(), outer, inner)
    names = [clusters[example] for example in dict.fromkeys(examples)] if clusters else []
    if len(set(names)) == len(names):
        return found
    means = np.bincount(outer, weights=array) / np.bincount(outer)
    effect = design_effect(means.tolist(), names)
    shared = (effect - 1) * float(means.var(ddof=1))
    return replace(found, shared=shared, clusters=len(set(names)))


def _components(
    values: NDArray[np.float64], outer: NDArray[np.int64], inner: NDArray[np.int64]
) -> VarianceComponents:
    parent = np.zeros(int(np.max(inner)) + 1, dtype=np.int64)
    parent[inner] = outer
    n, n_outer, n_inner = values.size, int(np.max(outer)) + 1, parent.size
    in_outer, in_inner = np.bincount(outer).astype(float), np.bincount(inner).astype(float)
    by_outer = float((np.bincount(outer, weights=values) ** 2 / in_outer).sum())
    by_inner = float((np.bincount(inner, weights=values) ** 2 / in_inner).sum())
    judge = sampling = None
    if n > n_inner:
        judge = max(0.0, (float(np.square(values).sum()) - by_inner) / (n - n_inner))
    # Expected mean squares: their coefficients of the sampling and the example variance.
    per_outer = np.bincount(parent, weights=in_inner**2) / in_outer
    if n_inner > n_outer:
        square = (by_inner - by_outer) / (n_inner - n_outer)
        weight = (n - float(per_outer.sum())) / (n_inner - n_outer)
        sampling = max(0.0, (square - (judge or 0.0)) / weight)
    square = by_outer / (n_outer - 1)  # the values' mean is 0
    between = (float(per_outer.sum()) - float(np.square(in_inner).sum()) / n) / (n_outer - 1)
    weight = (n - float(np.square(in_outer).sum()) / n) / (n_outer - 1)
    noise = (judge or 0.0) + between * (sampling or 0.0)
    return VarianceComponents(
        example=max(0.0, (square - noise) / weight),
        sampling=sampling,
        judge=judge,
        examples=n_outer,
        repeats=n_inner / n_outer,
        judgements=n / n_inner,
    )


@dataclass(frozen=True, slots=True)
class Advice:
    """What to buy more of, and what doubling each would do."""

    buy: Source
    sentence: str
    standard_error: float
    """Now, of the mean score."""
    doubled: dict[Source, float]
    """Standard error after doubling only that."""
    costs: dict[Source, float]
    """Of doubling only that."""


DEFAULT_COSTS = Costs()


def advise(
    components: VarianceComponents, costs: Costs = DEFAULT_COSTS, *, more_examples: bool = True
) -> Advice:
    """Which of examples, repeats and judgements lowers the variance most for its cost.

    Compares the variance of the mean that doubling each of them removes, for each unit spent.
    ``more_examples``: whether there are any; the dataset may be used up. Repeats and judgements
    are only offered where their component is known.
    """
    n, r, k = components.examples, components.repeats, components.judgements
    now = components.standard_error(n, r, k)
    doubled: dict[Source, float] = {}
    prices: dict[Source, float] = {}
    if more_examples:
        doubled["examples"] = components.standard_error(2 * n, r, k)
        prices["examples"] = n * (costs.example + r * (costs.response + k * costs.judgement))
    if components.sampling is not None or not doubled:
        doubled["repeats"] = components.standard_error(n, 2 * r, k)
        prices["repeats"] = n * r * (costs.response + k * costs.judgement)
    if components.judge is not None:
        doubled["judgements"] = components.standard_error(n, r, 2 * k)
        prices["judgements"] = n * r * k * costs.judgement

    def gain(source: Source) -> float:
        removed = now**2 - doubled[source] ** 2
        return removed / prices[source] if prices[source] > 0 else math.inf * (removed > 0 or -1)

    best = max(doubled, key=gain)
    if now == 0:
        sentence = (
            f"The scores of these {n} examples are all alike, so that their spread says nothing of"
            " others': only more examples could show one."
        )
        return Advice("examples", sentence, now, doubled, prices)
    if doubled[best] >= now:
        sentence = "Only new examples would make the mean more certain."
        if components.sampling is None:
            sentence = (
                "New examples would make the mean more certain; whether repeats would is unknown, "
                "as no example has two."
            )
        return Advice("examples", sentence, now, doubled, prices)
    of_new = " of new clusters" if best == "examples" and components.clusters is not None else ""
    shares = ", ".join(f"{name} {share:.0%}" for name, share in components.shares.items())
    sentence = (
        f"Buy more {best}{of_new}: doubling them takes the standard error from {now:.3g} to"
        f" {doubled[best]:.3g}. Of a score's variance: {shares}."
    )
    return Advice(best, sentence, now, doubled, prices)
