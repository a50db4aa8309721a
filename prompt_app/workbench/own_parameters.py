"""A model's own parameters over those of its evaluation."""

from __future__ import annotations

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.model import InferenceParameters


def with_own_parameters(spec: EvaluationSpec) -> EvaluationSpec:
    """The same, with all parameters at the models where one of these takes back what the
    evaluation sets (``num_responses: 1``): a store could not tell that from one left out."""
    own = [spec.parameters.merged(chosen.parameters) for chosen in spec.models]
    if all(each.given().keys() >= spec.parameters.given().keys() for each in own):
        return spec
    models = tuple(
        chosen.model_copy(update={"parameters": parameters})
        for chosen, parameters in zip(spec.models, own, strict=True)
    )
    return spec.model_copy(update={"models": models, "parameters": InferenceParameters()})
