"""What is checked before a run is scored again."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_app.datamodel.score import MetricSpec
from prompt_app.errors import EvaluationError
from prompt_app.metrics import create_metric


def checked_metrics(metrics: Iterable[MetricSpec]) -> tuple[MetricSpec, ...]:
    """``metrics``, each of which can be made. Raises EvaluationError for none, for two with one
    key, or for wrong options."""
    chosen = tuple(metrics)
    if not chosen:
        raise EvaluationError("Name at least one metric to score with.")
    keys = [metric.key for metric in chosen]
    for metric in chosen:
        if keys.count(metric.key) > 1:
            raise EvaluationError(
                f"Two metrics share the key {metric.key!r}; give one another 'key'."
            )
        create_metric(metric)
    return chosen
