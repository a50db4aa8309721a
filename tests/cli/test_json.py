"""``--json`` of every command. That none is missing here is tested with the commands' page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import CommandLine
from servers import free_port

from prompt_app.providers.mock_server import MockServer
from prompt_app.settings import Settings
from prompt_app.workbench import open_workbench

EXAMPLES = Path(__file__).parents[2] / "examples"
RUBRIC = ("--base", "rubrics", "--lesson-names", "L2-reacting")
GAMES = ("--dataset-name", "games", "--experiment-name", "baseline")
JUDGE = {"provider": "offline", "name": "judge"}
METRICS = [
    "exact_match",
    {"name": "qa_accuracy_by_llm", "key": "judged", "judge": JUDGE},
    {"name": "pairwise", "judge": JUDGE, "options": {"against": "other"}},
]

CALLS: dict[str, tuple[str, ...]] = {
    "run": ("evaluation.yaml",),
    "quote": ("evaluation.yaml",),
    "runs": (),
    "show": ("{first}",),
    "compare": ("{first}", "{second}"),
    "power": ("{first}", "{second}", "--metric", "exact_match", "--difference", "0.2"),
    "variance": ("{first}", "--metric", "judged"),
    "rank": ("{first}", "{second}"),
    "calibrate": ("{first}", "--metric", "judged", "--labels", "human"),
    "regrade": ("{first}", "--metric", "judged", "--rows", "2"),
    "rows": ("{first}",),
    "export": ("{first}", "rows.csv"),
    "labels create": ("check", "{first}", "--metric", "judged"),
    "labels list": (),
    "labels import": ("check", "given.csv"),
    "labels export": ("check", "labels.jsonl"),
    "resume": ("{paused}",),
    "pause": ("{paused}",),
    "cancel": ("{paused}",),
    "rescore": ("{first}", "exact_match"),
    "datasets list": (),
    "datasets add": ("rows.jsonl",),
    "datasets check": ("rows.jsonl",),
    "datasets import": ("tests.yaml", "--format", "promptfoo"),
    "datasets export": ("rows", "out.jsonl"),
    "datasets show": ("rows",),
    "prompts list": (),
    "prompts save": ("short", "prompt.txt"),
    "prompts show": ("plain",),
    "prompts label": ("plain", "production", "1"),
    "prompts diff": ("plain", "1", "production"),
    "finetune export": ("training.jsonl", "rows"),
    "finetune validate": ("rows",),
    "finetune start": ("small", "sums", "rows"),
    "finetune status": (),
    "finetune cancel": ("{job}",),
    "functions list": ("upper",),
    "functions synchronise": (),
    "pipelines check": ("upper(text)",),
    "pipelines save": ("loud", "upper(text)"),
    "pipelines list": (),
    "pipelines show": ("loud",),
    "pipelines call": ("loud", "text=a"),
    "pipelines delete": ("loud",),
    "rubric test": (*RUBRIC, *GAMES),
    "rubric ambiguity": (*RUBRIC, *GAMES),
    "rubric release": ("second", *RUBRIC, *GAMES),
    "rubric compare": ("first", "second", *RUBRIC),
    "rubric promote": ("second", *RUBRIC),
    "rubric assess": ("work.js", "--base", "rubrics", "--lesson-name", "L2-reacting"),
    "models": ("offline",),
    "metrics": (),
    "archive": ("{second}",),
    "create-admin": ("ann@example.com",),
    "projects create": ("team",),
    "projects list": (),
    "projects add-member": ("team", "ann@example.com"),
    "projects remove-member": ("team", "ann@example.com"),
    "projects move": ("dataset", "rows", "team"),
    "projects items": ("team",),
    "projects rename": ("team", "crew"),
    "projects archive": ("crew",),
    "tokens create": ("ci",),
    "tokens list": (),
    "tokens edit": ("{token}", "--name", "other"),
    "tokens rotate": ("{token}",),
    "tokens revoke": ("{token}",),
    "alerts add": ("5",),
    "alerts list": (),
    "alerts remove": ("{alert}",),
    "backup": ("all.promptapp",),
    "restore": ("all.promptapp", "--replace"),
    "migrate": (),
    "worker": ("--until-idle",),
}
"""Each command that ends, in an order in which each finds what it needs."""

SERVERS: dict[str, tuple[str, ...]] = {
    "mock-server": ("--port", "0"),
    "gateway": ("--port", "{port}"),
    "start": ("--port", "{port}", "--no-browser", "--no-worker"),
}
MAY_EXIT_WITH = {"rubric assess": (0, 4)}
"""The offline model need not answer as a rubric asks."""


@pytest.fixture
def prepared(
    command_line: CommandLine, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Files and runs for all commands; what their arguments may name."""
    folder = command_line.folder
    monkeypatch.setenv("OPENAI_BASE_URL", f"{mock_server.url}/v1")
    shutil.copytree(EXAMPLES / "rubrics", folder / "rubrics")
    work = folder / "rubrics/datasets/games/L2-reacting/poppy.js"
    (folder / "work.js").write_text(work.read_text("utf-8"), "utf-8")
    (folder / "prompt.txt").write_text("Answer: {question}")
    (folder / "tests.yaml").write_text('- {vars: {q: "2+2?"}, assert: [{type: equals, value: 4}]}')
    (folder / "given.csv").write_text("example_id,label,labeller\nr1,pass,ann\n")
    rows = [
        {"id": f"r{n}", "question": f"row {n}", "answers": [f"row {n}" if n % 3 else "x"],
         "answer": "Paris" if n % 2 else "Rome", "other": "a mill", "human": n % 2,
         "Prompt": f"Say {n}", "Response": f"It is {n}."}
        for n in range(12)
    ]  # fmt: skip
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = {"path": "rows.jsonl", "options": {"id_field": "id"}}
    mock_server.control(quota_after=4)
    model = {"provider": "openai", "name": "echo"}
    file = command_line.evaluation(dataset, models=[model])
    paused = command_line.run("run", "--json", file).json()["runs"][0]["id"]
    prompts = [{"name": "plain", "template": "{question}"}, {"name": "q", "template": "{answer}"}]
    file = command_line.evaluation(dataset, prompts=prompts, metrics=METRICS)
    first, second = command_line.run("run", "--json", file).json()["runs"]
    return {"first": first["id"], "second": second["id"], "paused": paused}


def test_every_command_that_ends_prints_json(
    command_line: CommandLine, prepared: dict[str, str]
) -> None:
    known = dict(prepared)
    for command, arguments in CALLS.items():
        given = [argument.format_map(known) for argument in arguments]
        result = command_line.run(*command.split(), *given, "--json")
        assert result.code in MAY_EXIT_WITH.get(command, (0,)), (command, result.err)
        if command == "worker":
            continue  # its line is a process's: see below
        data = json.loads(result.out)
        assert data not in (None, ""), command
        if command == "finetune start":
            known["job"] = data["id"]
        if command == "tokens create":
            known["token"] = data["token"]["id"]
        if command == "alerts add":
            known["alert"] = data["id"]


@pytest.mark.parametrize("command", [*SERVERS, "worker"])
def test_a_server_tells_its_address_in_a_line_of_json(tmp_path: Path, command: str) -> None:
    port = free_port()
    arguments = [each.format(port=port) for each in SERVERS.get(command, ("--until-idle",))]
    open_workbench(Settings(data_dir=tmp_path / "data")).close()
    process = subprocess.Popen(
        [sys.executable, "-m", "prompt_app.cli", command, *arguments, "--json"],
        env={**os.environ, "PROMPT_APP_DATA_DIR": str(tmp_path / "data"), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert told["pid"] == process.pid
    if command == "worker":
        assert told["until_idle"] is True
    else:
        assert told["url"].startswith("http://")
        assert command == "mock-server" or told["url"].endswith(f":{port}")
