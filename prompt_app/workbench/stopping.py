"""Whether an evaluation can stop its losing runs early."""

from __future__ import annotations

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.errors import EvaluationError
from prompt_app.metrics import metric_class


def check_stopping(spec: EvaluationSpec, dataset: DatasetVersion) -> None:
    """Raises EvaluationError where its error rate could not be held."""
    if spec.stopping is None:
        return
    metric = next(each for each in spec.metrics if each.key == spec.stopping.metric)
    info = metric_class(metric.name).info
    if info.direction == "neutral" or info.minimum is None or info.maximum is None:
        raise EvaluationError(
            f"'stopping' cannot go by {metric.key}: it needs a metric with a least and a greatest "
            "value, of which one direction is better, such as exact_match or squad_f1."
        )
    if dataset.options.cluster_field is not None:
        raise EvaluationError(
            f"'stopping' cannot be used with {dataset.name}: its examples share clusters, and "
            "the error rate holds for independent ones."
        )
    if spec.mode == "batch":
        raise EvaluationError("'stopping' needs mode live: a batch job cannot be stopped early.")
    if len(spec.prompts) * len(spec.models) < 2:
        raise EvaluationError("'stopping' needs two runs or more: it compares with the first.")
