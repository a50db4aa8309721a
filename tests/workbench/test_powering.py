"""What a comparison could show, before it is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench
from prompt_app.workbench.powering import power_note


def test_a_quote_says_what_few_rows_can_show(workbench: Workbench, tmp_path: Path) -> None:
    def told(rows: int) -> str:
        spec = echo_spec(rows_file(tmp_path, rows), "http://unused", models=["offline:echo"])
        notes = workbench.quote(spec).notes
        return next((note for note in notes if "examples" in note), "")

    assert told(4).startswith("4 examples are too few")
    assert told(100).startswith("With 100 examples, pass rates that differ by about 13 points")
    assert told(3000).startswith("With 3,000 examples, pass rates that differ by about 2.4 points")


def test_clusters_are_mentioned() -> None:
    assert "share a cluster" in power_note(100, clustered=True)
    assert "share a cluster" not in power_note(100)


def test_a_plan_from_a_pilot(workbench: Workbench, tmp_path: Path) -> None:
    rows = [
        {"id": n, "first": "yes" if n % 2 else "no", "second": "yes" if n % 3 else "no",
         "answers": ["yes"]}
        for n in range(60)
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(path), "options": {"id_field": "id"}},
            "prompts": [{"name": p, "template": f"{{{p}}}"} for p in ("first", "second")],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
    )
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    first, second = (run.id for run in workbench.runs_of(evaluation.id))
    small = workbench.plan_power((first, second), "exact_match", 0.5)
    large = workbench.plan_power((first, second), "exact_match", 0.05)
    assert small.examples == 60
    assert small.plans[0].enough_examples
    assert small.plans[0].power >= 0.8
    assert large.plans[0].examples > 60
    assert not large.plans[0].enough_examples
    with pytest.raises(EvaluationError, match="do not tell how differences vary"):
        workbench.plan_power((first, first), "exact_match", 0.1)
    with pytest.raises(EvaluationError, match="no metric 'rouge'"):
        workbench.plan_power((first, second), "rouge", 0.1)
    with pytest.raises(EvaluationError, match="cannot differ by 5"):
        workbench.plan_power((first, second), "exact_match", 5)
    with pytest.raises(EvaluationError, match="above 0"):
        workbench.plan_power((first, second), "exact_match", 0)
    assert small.cluster_note == ""


def test_a_plan_counts_shared_clusters(workbench: Workbench, tmp_path: Path) -> None:
    rows = [
        {"id": n, "first": "yes", "second": "yes" if n // 6 % 2 else "no", "page": n // 6,
         "answers": ["yes"]}
        for n in range(60)
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {
                "path": str(path), "options": {"id_field": "id", "cluster_field": "page"},
            },
            "prompts": [{"name": p, "template": f"{{{p}}}"} for p in ("first", "second")],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
    )  # fmt: skip
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    first, second = (run.id for run in workbench.runs_of(evaluation.id))
    planned = workbench.plan_power((first, second), "exact_match", 0.3)
    assert planned.pilot.cluster_size == 6
    assert planned.pilot.design_effect > 5
    assert "6.0 in one on average" in planned.cluster_note
