"""``prompt-app projects``, and ``--project`` where something is made."""

from __future__ import annotations

from pathlib import Path

from cli.commands import CommandLine


def test_a_project_with_members_and_things(command_line: CommandLine, tmp_path: Path) -> None:
    made = command_line.run("projects", "create", "team", "--note", "Ours.", "--json").json()
    assert (made["name"], made["note"]) == ("team", "Ours.")
    added = command_line.run("projects", "add-member", "team", "Ann@x.org", "--role", "editor")
    assert "ann@x.org is editor of team." in added.err
    rows, prompt = tmp_path / "rows.jsonl", tmp_path / "greet.txt"
    rows.write_text('{"question": "Why?", "answers": "So."}\n')
    prompt.write_text("Answer: {question}")
    command_line.run("datasets", "add", str(rows), "--project", "team")
    command_line.run("prompts", "save", "greet", str(prompt), "--project", "team")
    command_line.run("prompts", "save", "open", str(prompt))
    listed = command_line.run("projects", "items", "team", "--json").json()
    assert listed == [
        {"kind": "dataset", "name": "rows"},
        {"kind": "prompt", "name": "greet"},
    ]
    moved = command_line.run("projects", "move", "prompt", "open", "team")
    assert "The prompt open belongs to the project team." in moved.err
    assert command_line.run("projects", "move", "prompt", "greet", "--json").json() == {
        "evaluations": 0,
        "stayed": 0,
    }
    (found,) = command_line.run("projects", "list", "--json").json()
    assert {each["member"]: each["role"] for each in found["members"]} == {
        "local": "owner",
        "ann@x.org": "editor",
    }
    assert found["things"] == 2
    assert command_line.run("projects", "remove-member", "team", "ann@x.org").code == 0
    assert command_line.run("projects", "rename", "team", "ours").code == 0
    assert command_line.run("projects", "archive", "ours").code == 0
    assert "No projects" in command_line.run("projects", "list").out
    assert "ours" in command_line.run("projects", "list", "--archived").out
    assert command_line.run("projects", "archive", "ours", "--undo").code == 0


def test_a_run_belongs_to_the_project(command_line: CommandLine) -> None:
    command_line.run("projects", "create", "team", "--owner", "ann@x.org")
    rows = command_line.folder / "rows.jsonl"
    rows.write_text('{"question": "Why?", "answers": "So."}\n')
    file = command_line.evaluation("rows.jsonl")
    ran = command_line.run("run", file, "--project", "team", "--quiet", "--json").json()
    assert ran["runs"][0]["state"] == "finished"
    listed = command_line.run("projects", "items", "team", "--json").json()
    assert {"kind": "evaluation", "name": ran["evaluation"]["id"]} in listed


def test_mistakes_are_told_in_one_line(command_line: CommandLine) -> None:
    command_line.run("projects", "create", "team")
    for arguments in (
        ("projects", "create", "team"),
        ("projects", "create", "no name"),
        ("projects", "move", "house", "x", "team"),
        ("projects", "move", "dataset", "x", "team"),
        ("projects", "add-member", "team", "ann@x.org", "--role", "boss"),
        ("projects", "remove-member", "team", "local"),
        ("prompts", "save", "x", "pyproject.toml", "--project", "tean"),
    ):
        failed = command_line.run(*arguments)
        assert failed.code == 2, arguments
        assert failed.err.count("\n") == 1
