"""Whether an evaluation's runs meet its thresholds, and whether any could."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.score import MetricSpec, MetricSummary
from prompt_app.datamodel.verdicts import Threshold
from prompt_app.errors import EvaluationError
from prompt_app.metrics import create_metric


def check_thresholds(thresholds: Sequence[Threshold], metrics: Sequence[MetricSpec]) -> None:
    """Raises EvaluationError for a threshold that no result can reach."""
    infos = {spec.key: create_metric(spec).info for spec in metrics}
    for threshold in thresholds:
        info, least, most = infos[threshold.metric], threshold.at_least, threshold.at_most
        if least is not None and most is not None and least > most:
            why = f"nothing is at least {least:g} and at most {most:g}"
        elif least is not None and info.maximum is not None and least > info.maximum:
            why = f"its greatest value is {info.maximum:g}, less than 'at_least: {least:g}'"
        elif most is not None and info.minimum is not None and most < info.minimum:
            why = f"its least value is {info.minimum:g}, more than 'at_most: {most:g}'"
        else:
            continue
        raise EvaluationError(f"The threshold of {threshold.metric} cannot be met: {why}.")


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
