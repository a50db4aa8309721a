"""A losing run stops early, tells what that saved, and no other run is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.datamodel.evaluation import Run
from prompt_app.engine import early_stop
from prompt_app.errors import EvaluationError
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench

ROWS = 300
PRICE = {"input": 1000, "output": 1000}


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_stop, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(early_stop, "SHARE_OF_TIME", 0.5)


def evaluated(
    workbench: Workbench, folder: Path, server: MockServer, names: list[str], **changes: Any
) -> list[Run]:
    """Runs of the mock server's models: ``echo`` is right, ``fixed`` wrong."""
    base = {"provider": "openai", "base_url": f"{server.url}/v1", "price": PRICE}
    models = [{**base, "name": name} for name in names]
    given = {
        "models": models,
        "stopping": "exact_match",
        "limits": {"max_concurrency": 4},
        "parameters": {"max_tokens": 20},
    }
    path = rows_file(folder, ROWS)
    spec = echo_spec(path, server.url, **{**given, **changes})
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    return workbench.runs_of(evaluation.id)


def test_a_losing_run_is_stopped_and_tells_what_that_saved(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=30)
    winner, loser = evaluated(workbench, tmp_path, mock_server, ["echo", "fixed"])
    assert (winner.state, winner.progress.done, winner.reason) == ("finished", ROWS, "")
    assert loser.state == "finished"
    assert 0 < loser.progress.done < ROWS
    assert loser.reason.startswith(f"Stopped early: exact_match is worse than that of {winner.id}")
    assert "Stopping early saved" in loser.reason
    assert "USD" in loser.reason
    assert loser.summary[0].mean == 0
    compared = workbench.compare([winner.id, loser.id])
    assert any("Stopped early" in warning for warning in compared.warnings)


def test_calls_that_failed_for_good_leave_no_gap(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=15, p_500=0.1)
    limits = {"max_concurrency": 4, "max_attempts": 1}
    winner, loser = evaluated(
        workbench, tmp_path, mock_server, ["echo", "fixed"], limits=limits, repeats=2
    )
    assert winner.progress.failed > 0
    assert "Stopped early" in loser.reason


@pytest.mark.parametrize("names", [["echo", "echo"], ["fixed", "echo"]])
def test_an_equal_or_better_run_goes_on(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer, names: list[str]
) -> None:
    runs = evaluated(workbench, tmp_path, mock_server, names, cache="off")
    assert [run.progress.done for run in runs] == [ROWS, ROWS]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"stopping": "latency", "metrics": ["latency"]}, "least and a greatest"),
        ({"stopping": "exact_match", "models": ["offline:echo"]}, "two runs"),
        ({"dataset": {"options": {"cluster_field": "group"}}}, "clusters"),
    ],
)
def test_what_could_not_hold_its_error_rate_is_refused(
    workbench: Workbench, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = rows_file(tmp_path, 5)
    if "dataset" in changes:
        changes["dataset"]["path"] = str(path)
    given = {"models": ["offline:echo", "offline:fixed"], "stopping": "exact_match", **changes}
    with pytest.raises(EvaluationError, match=told):
        workbench.submit_evaluation(echo_spec(path, "http://unused", **given))
