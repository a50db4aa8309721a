"""Whether an evaluation's runs meet its thresholds."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import MetricSummary
from prompt_app.datamodel.verdicts import Threshold


def missed_thresholds(thresholds: Sequence[Threshold], runs: Sequence[Run]) -> list[str]:
    """One sentence for each threshold that a run does not meet. A metric without a value, or
    without the interval that the threshold asks for, does not meet it; one that the run was
    rescored without is not asked for."""
    missed: list[str] = []
    for threshold in thresholds:
        for run in runs:
            if threshold.metric not in {metric.key for metric in run.spec.metrics}:
                continue
            summary = next((each for each in run.summary if each.metric == threshold.metric), None)
            value = _value(threshold, summary)
            name = f"{run.name}: {threshold.metric} ({threshold.estimate})"
            if value is None:
                missed.append(f"{name} has no value")
            elif threshold.at_least is not None and value < threshold.at_least:
                missed.append(f"{name} is {value:.4g}, below {threshold.at_least:g}")
            elif threshold.at_most is not None and value > threshold.at_most:
                missed.append(f"{name} is {value:.4g}, above {threshold.at_most:g}")
    return missed


def _value(threshold: Threshold, summary: MetricSummary | None) -> float | None:
    if summary is None:
        return None
    if threshold.estimate == "mean":
        return summary.mean
    if summary.interval is None:
        return None
    return summary.interval.lower if threshold.estimate == "lower" else summary.interval.upper
