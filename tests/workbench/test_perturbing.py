"""The same prompt undisturbed and disturbed, compared row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench


def spec_of(folder: Path, **perturb: Any) -> EvaluationSpec:
    plain = {"name": "plain", "template": "{question}"}
    prompts = [plain, {**plain, "perturb": perturb}]
    path = rows_file(folder, 60)
    return echo_spec(path, "http://unused", models=["offline:echo"], prompts=prompts)


def test_the_drop_is_a_comparison(workbench: Workbench, tmp_path: Path) -> None:
    evaluation = workbench.submit_evaluation(spec_of(tmp_path, kinds=["case"], rate=0.3))
    work(workbench)
    plain, disturbed = workbench.runs_of(evaluation.id)
    assert disturbed.name == "plain · offline:echo · case 0.3"
    (result,) = workbench.compare([plain.id, disturbed.id]).results
    assert (result.pairs, result.verdict) == (60, "worse")
    row = workbench.rows(disturbed.id).items[0]
    (message,) = workbench.rendered_prompt(disturbed, row.example)
    assert row.reply is not None
    assert row.reply.outputs[0].text == message.content != row.example.fields["question"]


def test_a_field_that_is_not_shown_is_refused(workbench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="names the field 'group'"):
        workbench.quote(spec_of(tmp_path, fields=["group"]))
