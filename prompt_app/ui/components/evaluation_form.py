"""From the filled-in steps to an evaluation, or to the one thing that is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from prompt_app.datamodel.evaluation import EvaluationSpec, ModelSelection, PromptSelection
from prompt_app.datamodel.score import MetricSpec
from prompt_app.errors import InputError
from prompt_app.ui.components.dataset_form import ChosenDataset
from prompt_app.workbench.files import describe_problems


def whole_evaluation(
    dataset: ChosenDataset | None,
    prompts: Sequence[PromptSelection],
    models: Sequence[ModelSelection],
    metrics: Sequence[MetricSpec],
    settings: dict[str, Any],
) -> EvaluationSpec | str:
    """The evaluation, or what is still to be chosen. Raises InputError for wrong values."""
    if dataset is None:
        return "Choose a dataset."
    missing = {"a prompt": prompts, "a model": models, "a metric": metrics}
    for what, chosen in missing.items():
        if not chosen:
            return f"Choose {what}."
    if not {"parameters", "limits"} <= settings.keys():
        return "Mend what is wrong above."
    try:
        return EvaluationSpec.model_validate(
            {
                "dataset": dataset.selection.model_dump(),
                "prompts": [prompt.model_dump() for prompt in prompts],
                "models": [model.model_dump() for model in models],
                "metrics": [metric.model_dump() for metric in metrics],
                **settings,
            }
        )
    except ValidationError as error:
        raise InputError(describe_problems(error)) from None
