"""What a follower of a run is shown: done of total, rate, time left, errors, cost so far."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest
from cli.commands import CommandLine
from mock_process import MockProcess

from prompt_app.cli import following
from prompt_app.cli.following import progress_text
from prompt_app.datamodel.evaluation import Progress, Run, RunSpec
from prompt_app.datamodel.model import ModelSpec

LOCAL = "openai:a-model-without-a-price"


def a_run(state: str, model: str = "offline:echo", **progress: Any) -> Run:
    return Run.model_construct(
        id="e1-1",
        name="p · m",
        spec=RunSpec.model_construct(model=ModelSpec.model_validate(model), metrics=()),
        state=state,
        progress=Progress(**progress),
    )


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (a_run("queued", total=500), "0/500 · queued · 0 errors · $0"),
        (
            a_run("running", total=500, answered=118, failed=2, rate_per_second=45.2,
                  cost_usd=0.01, judge_cost_usd=0.0023),
            "120/500 · 45.2/s · 8 s left · 2 errors · $0.0123",
        ),
        (a_run("running", total=500, rate_per_second=0), "0/500 · running · 0 errors · $0"),
        (
            a_run("running", total=90_000, answered=1, rate_per_second=2.5, cost_usd=12.5),
            "1/90000 · 2.5/s · 10 h 0 min left · 0 errors · $12.50",
        ),
        (a_run("running", total=5, answered=5, rate_per_second=3), "5/5 · 3.0/s · 0 errors · $0"),
        (
            a_run("paused", total=9, answered=4, failed=1, rate_per_second=3),
            "5/9 · paused · 1 error · $0",
        ),
        (a_run("finished", total=9, answered=9, rate_per_second=3), "9/9 · 0 errors · $0"),
        (a_run("queued", LOCAL, total=9), "0/9 · queued · 0 errors · $0"),
        (a_run("paused", LOCAL, total=9, answered=3, cached=3), "3/9 · paused · 0 errors · $0"),
        (
            a_run("paused", LOCAL, total=9, answered=4, cached=3),
            "4/9 · paused · 0 errors · cost unknown",
        ),
    ],
)  # fmt: skip
def test_one_line_tells_all(run: Run, text: str) -> None:
    assert progress_text(run) == text


def test_without_a_terminal_lines_come_now_and_then_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(following.time, "monotonic", lambda: now[0])
    view = following._View(show=True)
    running = a_run("running", total=9, answered=3, rate_per_second=1)
    ended = a_run("finished", total=9, answered=9)
    for seconds in range(12):
        now[0] = 100.0 + seconds
        view.update([running])
    view.update([ended])
    view.update([ended])
    view.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "p · m: 3/9 · 1.0/s · 6 s left · 0 errors · $0",
        "p · m: 3/9 · 1.0/s · 6 s left · 0 errors · $0",
        "p · m: 9/9 · 0 errors · $0",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_is_shown_a_bar_that_moves(
    command_line: CommandLine, mock_process: MockProcess
) -> None:
    import pty

    mock_process.control(latency_ms=200)
    rows = "".join(f'{{"question": "row {n}", "answers": ["row {n}"]}}\n' for n in range(40))
    (command_line.folder / "rows.jsonl").write_text(rows)
    price = {"input": 1000.0, "output": 1000.0}
    model = {"provider": "openai", "name": "echo", "base_url": f"{mock_process.url}/v1",
             "price": price}  # fmt: skip
    file = command_line.evaluation("rows.jsonl", models=[model], limits={"max_concurrency": 4})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "prompt_app.cli", "run", file],
        cwd=command_line.folder, stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the other end is closed
        pass
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown.decode())
    drawn = re.findall(r"(\d+)/40 · ([\d.]+)/s · (\d+ s) left · 0 errors · \$([\d.]+)", text)
    done = [int(each[0]) for each in drawn]
    assert len(set(done)) > 2
    assert done == sorted(done)
    costs = [float(each[3]) for each in drawn]
    assert costs[-1] > costs[0] > 0
    assert "40/40" in text
    bars = re.findall(r"echo (\S*━.*?) ?\d+/40", shown.decode())
    assert len(set(bars)) > 2, "its colours move"
    assert "exact_match" in out.decode()
