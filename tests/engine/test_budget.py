"""The spend cap holds under concurrent calls, and is used up as far as it can be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from engine.runs import echo_spec, only_run, rows_file, work
from mock_process import MockProcess

from prompt_app.engine import budget, halting
from prompt_app.engine.budget import Budget
from prompt_app.errors import EvaluationError
from prompt_app.workbench import Workbench

PRICE = {"input": 1000.0, "output": 2000.0}


def priced(folder: Path, url: str, rows: int, **changes: Any) -> Any:
    model = {"provider": "openai", "name": "echo", "base_url": f"{url}/v1", "price": PRICE}
    changes = {"models": [model], "parameters": {"max_tokens": 20}, **changes}
    return echo_spec(rows_file(folder, rows), url, **changes)


def test_never_overshot_at_concurrency_50(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    mock_process.control(latency_ms=30)
    cap = 3.0
    limits = {"max_concurrency": 50, "max_cost_usd": cap}
    run = only_run(workbench, priced(tmp_path, mock_process.url, 400, limits=limits))
    work(workbench)
    run = workbench.run(run.id)
    evaluation = workbench.evaluation(run.evaluation_id)
    assert run.state == "paused"
    assert "cap" in run.reason
    assert 0.9 * cap < evaluation.spent_usd <= cap
    assert evaluation.unconfirmed_usd == 0
    assert run.progress.cost_usd == pytest.approx(evaluation.spent_usd)
    assert mock_process.stats()["answered"] == run.progress.answered


def test_each_of_several_responses_of_bedrock_is_called_until_it_is_answered_and_no_more(
    workbench: Workbench,
    mock_process: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_credentials(monkeypatch)
    mock_process.control(p_500=0.2, latency_ms=20)
    limits = {"max_concurrency": 5, "max_attempts": 12}
    spec = of_bedrock(tmp_path, mock_process.url, 20, limits)
    run = only_run(workbench, spec)
    work(workbench)
    run, stats = workbench.run(run.id), mock_process.stats()
    assert (run.state, run.progress.scored) == ("finished", 20)
    assert stats["answered"] == 20 * 5
    assert stats["peak_in_flight"] <= 5
    assert run.progress.cost_usd == pytest.approx(cost_of(stats))


def test_what_a_failed_sample_was_answered_is_paid_for(
    workbench: Workbench,
    mock_process: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_credentials(monkeypatch)
    mock_process.control(p_500=0.2)
    spec = of_bedrock(tmp_path, mock_process.url, 20, {"max_attempts": 1, "max_cost_usd": 100.0})
    run = only_run(workbench, spec)
    work(workbench)
    run, stats = workbench.run(run.id), mock_process.stats()
    assert run.progress.failed > 0
    assert stats["answered"] > 5 * run.progress.scored
    assert run.progress.cost_usd == pytest.approx(cost_of(stats))
    assert workbench.evaluation(run.evaluation_id).spent_usd == pytest.approx(cost_of(stats))


def with_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def of_bedrock(folder: Path, url: str, rows: int, limits: dict[str, Any]) -> Any:
    model = {
        "provider": "bedrock",
        "name": "echo",
        "base_url": url,
        "region": "us-east-1",
        "price": PRICE,
    }
    parameters = {"max_tokens": 20, "num_responses": 5}
    return priced(folder, url, rows, models=[model], parameters=parameters, limits=limits)


def cost_of(stats: dict[str, Any]) -> float:
    tokens = PRICE["input"] * stats["input_tokens"] + PRICE["output"] * stats["output_tokens"]
    return float(tokens) / 1_000_000


def test_a_run_within_the_cap_finishes(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    limits = {"max_concurrency": 50, "max_cost_usd": 100.0}
    run = only_run(workbench, priced(tmp_path, mock_process.url, 100, limits=limits))
    work(workbench)
    assert workbench.run(run.id).state == "finished"


def test_a_cap_that_cannot_be_held_is_refused(
    workbench: Workbench, mock_process: MockProcess, tmp_path: Path
) -> None:
    url = mock_process.url
    limits = {"max_cost_usd": 1.0}
    with pytest.raises(EvaluationError, match="price"):
        workbench.submit_evaluation(echo_spec(rows_file(tmp_path, 5), url, limits=limits))
    spec = priced(tmp_path, url, 5, limits=limits, parameters={})
    with pytest.raises(EvaluationError, match="max_tokens"):
        workbench.submit_evaluation(spec)


def test_calls_that_were_abandoned_hold_up_no_later_run(
    workbench: Workbench,
    mock_process: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cancelled with calls in flight, then resumed in the same worker: what is left of the cap is
    used, and then the run pauses."""
    monkeypatch.setattr(halting, "GRACE_SECONDS", 0.1)
    mock_process.control(latency_ms=60_000)
    limits = {"max_concurrency": 4, "max_cost_usd": 1.2, "timeout_seconds": 100}
    run = only_run(workbench, priced(tmp_path, mock_process.url, 100, limits=limits))

    async def cancel_and_resume() -> None:
        stop = asyncio.Event()
        working = asyncio.create_task(workbench.work(stop))
        async with asyncio.timeout(30):
            while mock_process.stats()["in_flight"] < 4:
                await asyncio.sleep(0.02)
            workbench.cancel(run.id)
            while workbench.run(run.id).state != "cancelled":
                await asyncio.sleep(0.02)
            mock_process.control(latency_ms=1)
            workbench.resume(run.id)
            while workbench.run(run.id).state in ("queued", "running"):
                await asyncio.sleep(0.02)
            stop.set()
            await working

    asyncio.run(cancel_and_resume())
    ended, evaluation = workbench.run(run.id), workbench.evaluation(run.evaluation_id)
    assert (ended.state, "cap" in ended.reason) == ("paused", True)
    assert 0 < evaluation.spent_usd <= 1.2 - evaluation.unconfirmed_usd


@pytest.mark.parametrize("waits", [True, False])
def test_a_cap_whose_rest_passes_from_hand_to_hand_is_not_taken_for_reached(
    waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each look another has just given its part back, or taken it."""
    monkeypatch.setattr(budget, "WAIT_SECONDS", 0.01)
    store = Mock()
    store.reserved_spend.side_effect = [0, 1]
    store.reserve_spend.side_effect = [False, False, True] if waits else [False, True]

    async def reserve() -> bool:
        of_worker = Budget(store, capped=True)
        if not waits:
            return await of_worker.try_reserve(Mock(), 5, patience=1)
        await of_worker.reserve_amount(Mock(), 5)
        return True

    assert asyncio.run(reserve())
