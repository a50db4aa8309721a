"""Every exit code that is documented, and the way on from an evaluation that did not finish."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cli.commands import CommandLine, Result
from mock_process import MockProcess

from prompt_app.providers.mock_server import MockServer

ROWS = 20


def written(command_line: CommandLine, url: str, rows: int = ROWS, **changes: Any) -> str:
    """An evaluation of so many rows by the mock server's ``echo``, a few at a time."""
    text = "".join(f'{{"question": "row {n}", "answers": ["row {n}"]}}\n' for n in range(rows))
    (command_line.folder / "rows.jsonl").write_text(text)
    model = {"provider": "openai", "name": "echo", "base_url": f"{url}/v1"}
    limits = {"max_concurrency": 4, "max_attempts": 1}
    return command_line.evaluation("rows.jsonl", models=[model], limits=limits, **changes)


def run_id(result: Result) -> str:
    return str(result.json()["runs"][0]["id"])


def test_0_and_a_line_for_a_run_that_has_ended(
    command_line: CommandLine, mock_server: MockServer
) -> None:
    file = written(command_line, mock_server.url)
    result = command_line.run("run", file)
    assert result.code == 0
    assert result.err == "plain · openai:echo: 20/20 · 0 errors · cost unknown\n"
    assert "finished" in result.out
    quiet = command_line.run("run", "--quiet", "evaluation.yaml")
    assert (quiet.code, quiet.err) == (0, "")


def test_a_cost_that_nobody_knows_is_not_shown_as_nothing(
    command_line: CommandLine, mock_server: MockServer
) -> None:
    done = command_line.run("run", written(command_line, mock_server.url, 2))
    assert "2/2 · 0 errors · cost unknown" in done.err
    (run,) = (each["id"] for each in command_line.run("runs", "--json").json())
    shown, listed = command_line.run("show", run), command_line.run("runs")
    assert "unknown on the model, $0 on judges" in shown.out
    for told in (done, shown):
        assert "No price is known for openai:echo: the cost leaves its calls out." in told.out
    for table in (done, listed):
        assert " unknown" in table.out
        assert "$0" not in table.out
    for command in (("show", "--json", run), ("run", "--json", "evaluation.yaml")):
        assert command_line.run(*command).json()["unpriced_models"] == ["openai:echo"]


@pytest.mark.parametrize(
    ("bound", "missed"),
    [
        ({"at_least": 1}, None),
        ({"at_most": 0.5}, "(mean) is 1, above 0.5"),
        ({"at_least": 0.9, "estimate": "lower"}, "(lower) is 0.3424, below 0.9"),
    ],
)
def test_3_where_a_threshold_is_missed(
    command_line: CommandLine, mock_server: MockServer, bound: dict[str, Any], missed: str | None
) -> None:
    thresholds = [{"metric": "exact_match", **bound}]
    file = written(command_line, mock_server.url, 2, thresholds=thresholds)
    result = command_line.run("run", "--json", file)
    assert result.code == (0 if missed is None else 3)
    assert len(result.json()["missed_thresholds"]) == (missed is not None)
    if missed is not None:
        assert f"Threshold missed: plain · openai:echo: exact_match {missed}" in result.err


def test_4_where_a_run_paused_with_the_way_on(
    command_line: CommandLine, mock_server: MockServer
) -> None:
    mock_server.control(quota_after=8)
    file = written(command_line, mock_server.url)
    paused = command_line.run("run", "--json", file)
    assert paused.code == 4
    run = run_id(paused)
    told = paused.err.splitlines()[-1]
    port = mock_server.url.rpartition(":")[2]
    assert f"paused: The quota at 127.0.0.1:{port} is used up" in told
    assert told.endswith(f"To go on: prompt-app resume {run} --wait")

    still = command_line.run("resume", run, "--wait", "--json")
    assert still.code == 4
    assert still.json()["state"] == "paused"

    mock_server.control(quota_after=None)
    queued = command_line.run("resume", run)
    assert (queued.code, queued.out) == (0, f"{run} is queued\n")
    assert command_line.run("resume", run).code == 2, "it is queued already"
    again = command_line.run("run", "--json", file)
    assert again.code == 0
    assert run_id(again) == run
    assert mock_server.stats()["answered"] == ROWS, "what was answered is kept"


def test_a_refused_parameter_is_to_be_left_out(
    command_line: CommandLine, mock_server: MockServer
) -> None:
    mock_server.control(unsupported=["seed"])
    told = command_line.run("run", written(command_line, mock_server.url, parameters={"seed": 1}))
    assert told.code == 4
    assert "Leave 'seed' out for openai:echo and start the evaluation anew" in told.err
    assert "Stored replies are used again." in told.err
    assert "resume" not in told.err


def test_a_cancelled_run_is_unfinished_and_can_go_on(
    command_line: CommandLine, mock_server: MockServer
) -> None:
    mock_server.control(quota_after=8)
    run = run_id(command_line.run("run", "--json", written(command_line, mock_server.url)))
    cancelled = command_line.run("cancel", run, "--json")
    assert cancelled.code == 0
    assert cancelled.json()["state"] == "cancelled"
    assert command_line.run("cancel", run).code == 2, "it has ended"
    mock_server.control(quota_after=None)
    done = command_line.run("resume", run[:8], "--wait", "--json")
    assert done.code == 0
    assert (done.json()["state"], done.json()["progress"]["scored"]) == ("finished", ROWS)
    assert command_line.run("resume", run).code == 2, "nothing is left to do"


def test_failed_samples_alone_are_tried_again(
    command_line: CommandLine, mock_server: MockServer
) -> None:
    mock_server.control(p_500=1)
    file = written(command_line, mock_server.url, 5)
    first = command_line.run("run", "--json", file)
    run = run_id(first)
    assert first.json()["runs"][0]["progress"]["failed"] == 5
    assert "errors: 5" not in first.err
    mock_server.control(p_500=0)
    done = command_line.run("resume", run, "--retry-failed", "--wait", "--json")
    assert done.code == 0
    progress = done.json()["progress"]
    assert (progress["scored"], progress["failed"]) == (5, 0)
    assert mock_server.stats()["answered"] == 5


def test_1_where_the_database_cannot_be_reached(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:9/none")
    result = command_line.run("runs")
    assert result.code == 1
    (line,) = result.err.splitlines()
    assert "127.0.0.1:9" in line
    assert "hidden" not in line


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT between processes")
def test_130_where_it_is_interrupted_and_the_same_command_goes_on(
    command_line: CommandLine, mock_process: MockProcess
) -> None:
    mock_process.control(latency_ms=200)
    file = written(command_line, mock_process.url, 60)
    command = [sys.executable, "-m", "prompt_app.cli", "run", file, "--json"]
    process = subprocess.Popen(
        command, cwd=command_line.folder, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    deadline = time.monotonic() + 60
    while mock_process.stats().get("answered", 0) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopping: calls in flight may finish" in told
    assert "Run the same command to go on" in told

    answered = mock_process.stats()["answered"]
    assert 10 <= answered < 60
    mock_process.control(latency_ms=0)
    again = command_line.run("run", "--json", file)
    assert again.code == 0
    assert again.json()["runs"][0]["progress"]["scored"] == 60
    assert mock_process.stats()["answered"] == 60, "calls in flight were kept"


def test_the_codes_are_those_of_the_page() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "command-line.md").read_text("utf-8")
    from prompt_app.cli import plain

    for code in (
        0, plain.FAILED, plain.WRONG_INPUT, plain.THRESHOLD_MISSED, plain.UNFINISHED,
        plain.INTERRUPTED,
    ):  # fmt: skip
        assert f"\n| {code} | " in page
