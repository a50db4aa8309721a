"""A model's own parameters go over the evaluation's, also where they are what is the default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.runs import rows_file

from prompt_app.datamodel.evaluation import EvaluationSpec, RunSpec
from prompt_app.datamodel.model import InferenceParameters
from prompt_app.workbench import Workbench

SET = {"num_responses": 5, "stop": ["x"], "max_tokens": 40}
UNSET = {
    "temperature": None, "top_p": None, "top_k": None, "max_tokens": None, "stop": [],
    "seed": None, "reasoning_effort": None, "num_responses": 1, "extra": {},
}  # fmt: skip
"""Parameters without any, as versions of the app up to now have stored them."""


def evaluation(folder: Path, *own: dict[str, Any]) -> EvaluationSpec:
    models = [
        {"provider": "offline", "name": "echo", **({"parameters": each} if each else {})}
        for each in own
    ]
    return EvaluationSpec.model_validate({
        "dataset": {"path": str(rows_file(folder, 3))},
        "prompts": [{"name": "plain", "template": "{question}"}],
        "models": models,
        "parameters": SET,
        "metrics": ["exact_match"],
    })  # fmt: skip


def runs_of(workbench: Workbench, spec: EvaluationSpec) -> tuple[dict[str, RunSpec], str]:
    saved = workbench.submit_evaluation(spec)
    return {run.name: run.spec for run in workbench.runs_of(saved.id)}, saved.id


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ({"num_responses": 1}, {"stop": ["x"], "max_tokens": 40}),
        ({"stop": []}, {"num_responses": 5, "max_tokens": 40}),
        ({"num_responses": 2, "temperature": 0}, SET | {"num_responses": 2, "temperature": 0.0}),
        ({"max_tokens": None}, SET),
        ({}, SET),
        (UNSET, SET),
        (UNSET | {"seed": 3}, SET | {"seed": 3}),
    ],
)
def test_what_a_model_is_asked_with(own: dict[str, Any], given: dict[str, Any]) -> None:
    parameters = InferenceParameters.model_validate(SET)
    assert parameters.merged(InferenceParameters.model_validate(own)).given() == given


def test_one_response_of_a_model_among_five_of_the_others(
    workbench: Workbench, tmp_path: Path
) -> None:
    spec = evaluation(tmp_path, {}, {"num_responses": 1})
    assert workbench.quote(spec).output_tokens_high == 3 * (5 + 1) * 40
    runs, evaluation_id = runs_of(workbench, spec)
    assert len(runs) == 2  # told apart by their names
    assert [each.parameters.num_responses for each in runs.values()] == [5, 1]
    stored = workbench.evaluation(evaluation_id).spec
    again, _ = runs_of(workbench, stored)
    assert list(again.values()) == list(runs.values())


def test_an_evaluation_of_an_older_store_is_what_it_was(
    workbench: Workbench, tmp_path: Path
) -> None:
    spec = evaluation(tmp_path, {}).model_dump(mode="json")
    spec["models"][0]["parameters"] = UNSET
    runs, evaluation_id = runs_of(workbench, EvaluationSpec.from_json(json.dumps(spec)))
    assert [each.parameters.given() for each in runs.values()] == [SET]
    assert workbench.evaluation(evaluation_id).spec.parameters.given() == SET


def test_no_identity_changes() -> None:
    written = InferenceParameters(num_responses=1, stop=())
    assert written.content_id == InferenceParameters().content_id
    assert written == InferenceParameters.model_validate(UNSET)
