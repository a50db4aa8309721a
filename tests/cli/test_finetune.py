"""``prompt-app finetune`` from a file to a model."""

from __future__ import annotations

import json

import pytest
from cli.commands import CommandLine
from mock_process import MockProcess

from prompt_app.cli import finetune


@pytest.fixture
def chats(command_line: CommandLine) -> str:
    rows = [{"Prompt": f"Say {n}", "Response": f"It is {n}."} for n in range(12)]
    path = command_line.folder / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.name


def test_examples_are_exported_and_validated(command_line: CommandLine, chats: str) -> None:
    done = command_line.run(
        "finetune", "export", "out.jsonl", chats, "--system", "S", "--most", "4"
    )
    assert done.out == "4 examples in out.jsonl\n"
    first = json.loads((command_line.folder / "out.jsonl").read_text().splitlines()[0])
    assert [each["role"] for each in first["messages"]] == ["system", "user", "assistant"]
    checked = command_line.run("finetune", "validate", "chats", "--price", "100")
    assert checked.code == 0
    assert "12 examples" in checked.out
    assert ", about $" in checked.out
    few = command_line.run("finetune", "validate", "chats", "--most", "3")
    assert (few.code, "takes 10 or more" in few.err) == (2, True)
    leaking = command_line.run("finetune", "validate", "chats", "--evaluation", "chats")
    assert (leaking.code, "leak: chats@1 row" in leaking.err) == (2, True)


def test_a_job_is_started_followed_and_listed(
    command_line: CommandLine, chats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "LOOK_SECONDS", 0.01)
    with MockProcess() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        done = command_line.run("finetune", "start", "small", "sums", chats, "--follow")
        assert done.code == 0
        assert "succeeded  openai:ft:small:mock:sums:" in done.out
        assert "openai:ft:small" in command_line.run("models", "sums").out
        failed = command_line.run(
            "finetune", "start", "fail", "sums", "chats", "--follow", "--json"
        )
        assert failed.code == 1
        assert failed.json()["status"]["message"] == "The loss was not finite."
        other = command_line.run("finetune", "start", "small", "x", "chats", "--json").json()
        assert "cancelled" in command_line.run("finetune", "cancel", other["id"]).out
        listed = command_line.run("finetune", "status", "--json").json()
        assert [job["status"]["state"] for job in listed] == ["cancelled", "failed", "succeeded"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["validate"], "either a dataset or runs"),
        (["validate", "nowhere"], "no dataset named 'nowhere'"),
        (["validate", "--run", "e1"], "name the metric"),
        (["export", "out.jsonl", "chats.jsonl", "--provider", "x"], "openai or bedrock"),
        (["export", "out.jsonl", "chats.jsonl", "--prompt", "Promt"], "Did you mean 'Prompt'"),
        (["start", "m", "a b", "chats.jsonl"], "name"),
        (["start", "m", "a", "chats.jsonl", "--provider", "bedrock"], "needs a role"),
        (["status", "ft-1"], "no fine-tuning job named"),
    ],
)
def test_mistakes_are_one_line(
    command_line: CommandLine, chats: str, arguments: list[str], says: str
) -> None:
    done = command_line.run("finetune", *arguments)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err
