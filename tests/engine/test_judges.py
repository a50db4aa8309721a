"""Judges in a run: panels, votes, their costs apart, and what a tie does."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, only_run, rows_file, work

from prompt_app.datamodel.evaluation import Run
from prompt_app.interfaces import RowFilter
from prompt_app.workbench import Workbench


def fixed(name: str, correct: bool | None) -> dict[str, Any]:
    """A judge of one opinion; ``name`` only tells panel members apart."""
    text = (
        "I cannot say." if correct is None else json.dumps({"reasoning": name, "correct": correct})
    )
    return {"provider": "offline", "name": "fixed", "options": {"reply": text}}


def judged(workbench: Workbench, folder: Path, **judging: Any) -> Run:
    metric = {"name": "qa_accuracy_by_llm", **judging}
    path = rows_file(folder, 6)
    spec = echo_spec(path, "http://unused", models=["offline:echo"], metrics=[metric])
    run = only_run(workbench, spec)
    work(workbench)
    return workbench.run(run.id)


def test_a_strict_majority_of_a_panel_decides(
    workbench: Workbench, tmp_path: Path, mock_server: Any
) -> None:
    judge = {"provider": "openai", "name": "judge", "base_url": f"{mock_server.url}/v1"}
    panel = ["offline:judge", judge, fixed("no", False)]
    run = judged(workbench, tmp_path, judges=panel)
    assert run.state == "finished", run.reason
    (summary,) = run.summary
    assert (summary.mean, summary.scored, summary.failed) == (1.0, 6, 0)
    (score,) = workbench.rows(run.id).items[0].scores
    assert [vote["value"] for vote in score.details["votes"]] == [1.0, 1.0, 0.0]
    assert score.usage.output > 0, "the tokens of all three"


def test_a_tie_is_unscored(workbench: Workbench, tmp_path: Path) -> None:
    run = judged(workbench, tmp_path, judges=["offline:judge", fixed("no", False)])
    (summary,) = run.summary
    assert (summary.mean, summary.scored, summary.failed) == (None, 0, 6)
    rows = workbench.rows(run.id, RowFilter(metric="qa_accuracy_by_llm", metric_failed=True))
    assert {failure.kind for row in rows.items for failure in row.failures} == {"tied_votes"}


def test_a_member_without_a_verdict_does_not_count_as_a_vote(
    workbench: Workbench, tmp_path: Path
) -> None:
    run = judged(workbench, tmp_path, judges=["offline:judge", fixed("silent", None)])
    (failure,) = workbench.rows(run.id).items[0].failures
    assert failure.kind == "no_verdict"


def test_votes_of_one_judge(workbench: Workbench, tmp_path: Path) -> None:
    run = judged(workbench, tmp_path, judge="offline:judge", judge_parameters={"num_responses": 3})
    (summary,) = run.summary
    assert summary.mean == 1.0
    (score,) = workbench.rows(run.id).items[0].scores
    assert len(score.details["votes"]) == 3


def test_a_judge_is_paid_apart_and_under_the_same_cap(
    workbench: Workbench, tmp_path: Path, mock_server: Any
) -> None:
    """Its calls of 0.001 USD each take from the evaluation's cap what the model left."""
    price = {"input": 0, "output": 0, "per_request": 0.001}
    base = {"provider": "openai", "base_url": f"{mock_server.url}/v1", "price": price}
    spec = echo_spec(
        rows_file(tmp_path, 6),
        mock_server.url,
        models=[{**base, "name": "echo"}],
        metrics=[{"name": "qa_accuracy_by_llm", "judge": {**base, "name": "judge"}}],
        limits={"max_concurrency": 1, "max_cost_usd": 0.0095},
        parameters={"max_tokens": 20},
    )
    run = only_run(workbench, spec)
    work(workbench)
    run = workbench.run(run.id)
    assert run.state == "paused"
    progress = run.progress
    assert progress.cost_usd == pytest.approx(0.001 * progress.answered)
    assert progress.judge_cost_usd == pytest.approx(0.001 * progress.scored)
    assert 0 < progress.scored < 6
    assert mock_server.stats()["received"] == progress.answered + progress.scored == 9


def test_a_judge_shares_the_rate_limit_of_its_model(
    workbench: Workbench, tmp_path: Path, mock_server: Any
) -> None:
    """Answers and verdicts of one model together keep to 600 calls a minute."""
    model = {"provider": "openai", "name": "judge", "base_url": f"{mock_server.url}/v1"}
    spec = echo_spec(
        rows_file(tmp_path, 15),
        mock_server.url,
        models=[model],
        metrics=[{"name": "refusal", "judge": model}],
        limits={"max_concurrency": 20, "requests_per_minute": 600},
    )
    only_run(workbench, spec)
    began = time.monotonic()
    work(workbench)
    calls = mock_server.stats()["received"]
    assert calls >= 30
    # Ten a second; with a limit each they would take half of that.
    elapsed = time.monotonic() - began
    assert elapsed > 0.75 * calls / 10


def test_a_quote_counts_every_member_of_a_panel(workbench: Workbench, tmp_path: Path) -> None:
    path = rows_file(tmp_path, 6)

    def calls(**judging: Any) -> int:
        metric = {"name": "qa_accuracy_by_llm", **judging}
        spec = echo_spec(path, "http://unused", models=["offline:echo"], metrics=[metric])
        return workbench.quote(spec).calls

    assert calls(judge="offline:judge") == 12
    assert calls(judges=["offline:judge", "offline:echo"]) == 18
