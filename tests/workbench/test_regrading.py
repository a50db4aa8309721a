"""A judge that has changed behind its name is found by asking it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError, QuotaExhaustedError
from prompt_app.workbench import Workbench

NAME = "qa_accuracy_by_llm"


def judged(workbench: Workbench, folder: Path, judge: Any, rows: int = 30, **options: str) -> Run:
    metrics = [{"name": NAME, "judge": judge}, "exact_match"]
    path = rows_file(folder, rows)
    dataset = {"path": str(path), "options": options}
    changes = {"models": ["offline:echo"], "metrics": metrics, "dataset": dataset}
    spec = echo_spec(path, "http://unused", **changes)
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    return workbench.runs_of(evaluation.id)[0]


def test_a_judge_that_is_the_same(workbench: Workbench, tmp_path: Path) -> None:
    run = judged(workbench, tmp_path, "offline:judge")
    result = workbench.regrade(run.id, NAME, rows=12)
    assert (len(result.rows), result.unchanged) == (12, 12)
    assert result.cost_usd == 0.0
    assert result.comparison.verdict == "no_detectable_difference"
    again = workbench.regrade(run.id, NAME, rows=12)
    assert [row.example_id for row in again.rows] == [row.example_id for row in result.rows]
    other = workbench.regrade(run.id, NAME, rows=12, seed=1)
    assert [row.example_id for row in other.rows] != [row.example_id for row in result.rows]


def test_a_judge_that_has_changed(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = judged(workbench, tmp_path, "offline:judge")
    monkeypatch.setattr("prompt_app.providers.offline_models.judge.CORRECT_FROM", 1.1)
    result = workbench.regrade(run.id, NAME)
    assert (len(result.rows), result.unchanged) == (20, 0)
    assert result.comparison.verdict == "lower"
    assert len(result.comparison.lost) == 20


def test_rows_that_share_a_source_are_compared_as_one(workbench: Workbench, tmp_path: Path) -> None:
    run = judged(workbench, tmp_path, "offline:judge", cluster_field="group")
    result = workbench.regrade(run.id, NAME, rows=20)
    assert (result.comparison.pairs, result.comparison.clusters) == (20, 7)


def test_a_verdict_that_fails_is_a_row_with_its_reason(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = judged(workbench, tmp_path, "offline:judge")
    monkeypatch.setattr("prompt_app.metrics.judging.MAX_REPLY_CHARACTERS", 3)
    result = workbench.regrade(run.id, NAME, rows=5)
    assert [row.now for row in result.rows] == [None] * 5
    assert "judge's reply has" in result.rows[0].problem
    assert result.comparison.verdict == "undecidable"


def test_what_concerns_every_call_ends_it(
    workbench: Workbench, tmp_path: Path, mock_server: Any
) -> None:
    judge = {"provider": "openai", "name": "judge", "base_url": f"{mock_server.url}/v1"}
    run = judged(workbench, tmp_path, judge, rows=5)
    mock_server.control(quota_after=0)
    with pytest.raises(QuotaExhaustedError):
        workbench.regrade(run.id, NAME)


def test_what_cannot_be_regraded(workbench: Workbench, tmp_path: Path) -> None:
    run = judged(workbench, tmp_path, "offline:judge", rows=3)
    with pytest.raises(EvaluationError, match=f"Its judges: {NAME}"):
        workbench.regrade(run.id, "exact_match")
