"""The interval that suits a metric's values, and what it says about them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

from prompt_app.datamodel.score import Interval
from prompt_app.statistics.clusters import widened_mean_interval, widened_proportion_interval
from prompt_app.statistics.intervals import skewed_mean_interval, wilson_interval


def interval_for(
    values: Sequence[float],
    kind: Literal["proportion", "mean"] = "mean",
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Interval | None:
    """The interval that suits a metric's values; its ``method`` says which one that is.

    ``values``: one for each example, repeats already averaged (:func:`average_repeats`);
    ``kind``: the metric's own; ``clusters``: one name for each value where examples share a
    source. None below two values or clusters.

    - clusters given (and shared by some examples): :func:`widened_mean_interval`, of a
      proportion :func:`widened_proportion_interval`
    - a proportion whose values are all 0 or 1: :func:`wilson_interval`
    - else, also for a proportion whose repeats were averaged: :func:`skewed_mean_interval`

    The interval of a proportion is cut to 0..1. Any but Wilson's has a ``caution`` where there are
    fewer than 20 values or clusters: how skewed these are, so few do not show.
    """
    is_binary = kind == "proportion" and all(value in (0, 1) for value in values)
    if clusters is not None and len(set(clusters)) < len(clusters):
        if kind == "proportion":
            return widened_proportion_interval(values, clusters, level)
        return widened_mean_interval(values, clusters, level)
    if is_binary:
        return wilson_interval(math.fsum(values), len(values), level)
    interval = skewed_mean_interval(values, level)
    if interval is None or kind != "proportion":
        return interval
    ends = {"lower": max(0.0, interval.lower), "upper": min(1.0, interval.upper)}
    return interval.model_copy(update=ends)


def average_repeats(examples: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """The mean value of each example, in order of first appearance.

    ``examples`` and ``values`` have one entry for each scored sample. Repeats of an example are
    not independent of each other, so they are averaged before any interval is taken.
    """
    grouped: dict[str, list[float]] = {}
    for example, value in zip(examples, values, strict=True):
        grouped.setdefault(example, []).append(value)
    return {example: math.fsum(group) / len(group) for example, group in grouped.items()}
