"""Semantic similarity in a run: called, paid for, stored and limited like a judge; and judges that
share a name but not an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, only_run, rows_file, work

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import EvaluationError
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench

ROWS = 8
KEY = "semantic_similarity"
PRICE = {"input": 2.0, "output": 0}


def embedder(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "openai",
        "name": "embed",
        "base_url": f"{url}/v1",
        "price": PRICE,
        **changes,
    }


def finished(workbench: Workbench, folder: Path, judge: Any, **changes: Any) -> Run:
    """Every answer is ``ok row N``, which shares two words of three with its reference."""
    changes = {
        "prompts": [{"name": "ok", "template": "ok {question}"}],
        "models": ["offline:echo"],
        "metrics": [{"name": KEY, "judge": judge}],
        **changes,
    }
    run = only_run(workbench, echo_spec(rows_file(folder, ROWS), "http://unused", **changes))
    work(workbench)
    return workbench.run(run.id)


def test_calls_are_paid_for_once_and_shared_by_runs(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    run = finished(workbench, tmp_path, embedder(mock_server.url))

    assert run.state == "finished", run.reason
    (summary,) = run.summary
    assert summary.scored == ROWS
    assert summary.mean == pytest.approx((2 / 3) ** 0.5, abs=1e-6)
    stats = mock_server.stats()
    assert stats["answered"] == ROWS
    assert run.progress.judge_cost_usd == pytest.approx(2e-6 * stats["input_tokens"])
    (score,) = workbench.rows(run.id).items[0].scores
    assert score.usage.input > 0
    assert score.details["judge"] == "openai:embed"

    again = finished(workbench, tmp_path, embedder(mock_server.url), repeats=2)
    assert again.progress.judge_cost_usd == 0
    assert mock_server.stats()["answered"] == ROWS


def test_faults_are_retried(workbench: Workbench, tmp_path: Path, mock_server: MockServer) -> None:
    mock_server.control(p_500=0.3, p_malformed=0.2)
    run = finished(workbench, tmp_path, embedder(mock_server.url))
    assert run.summary[0].scored == ROWS


def test_the_spend_cap_holds_for_embeddings(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    dear = embedder(mock_server.url, price={"input": 1000.0, "output": 0})
    run = finished(
        workbench, tmp_path, dear, limits={"max_cost_usd": 0.23}, parameters={"max_tokens": 50}
    )
    assert run.state == "paused"
    assert "spend cap" in run.reason
    assert workbench.evaluation(run.evaluation_id).spent_usd <= 0.23


def test_a_changed_embedder_is_found_by_grading_again(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(workbench, tmp_path, "offline:hashing")
    assert workbench.regrade(run.id, KEY, rows=4).unchanged == 4
    monkeypatch.setattr(
        "prompt_app.providers.offline.hashed_vector", lambda text, size: [1.0, float(len(text))]
    )
    assert workbench.regrade(run.id, KEY, rows=4).unchanged == 0


def test_a_model_that_embeds_nothing_is_refused_before_the_run(
    workbench: Workbench, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match="cannot embed"):
        finished(workbench, tmp_path, "offline:echo")


def test_a_quote_counts_embeddings_without_output(workbench: Workbench, tmp_path: Path) -> None:
    def quote(metrics: list[Any]) -> Any:
        path = rows_file(tmp_path, ROWS)
        spec = echo_spec(path, "http://unused", models=["offline:echo"], metrics=metrics)
        return workbench.quote(spec)

    plain, embedded = quote(["exact_match"]), quote([{"name": KEY, "judge": "offline:hashing"}])
    assert embedded.calls == plain.calls + ROWS
    assert embedded.output_tokens_high == plain.output_tokens_high
    assert embedded.input_tokens > plain.input_tokens


def test_judges_of_one_name_at_two_addresses_are_each_called(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    with MockServer() as other:
        judges = [embedder(server.url) for server in (mock_server, other)]
        metrics = [
            {"name": KEY, "key": f"at{number}", "judge": judge}
            for number, judge in enumerate(judges)
        ]
        run = finished(workbench, tmp_path, None, metrics=metrics)
        assert [summary.scored for summary in run.summary] == [ROWS, ROWS]
        assert mock_server.stats()["answered"] == other.stats()["answered"] == ROWS
