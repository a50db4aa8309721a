"""``backup`` and ``restore``: from an evaluated store into a new one."""

from __future__ import annotations

from cli.commands import CommandLine


def test_a_store_moves_into_another_folder(command_line: CommandLine) -> None:
    (command_line.folder / "rows.jsonl").write_text('{"question": "a", "answers": ["a"]}')
    run = command_line.run("run", "--json", command_line.evaluation("rows.jsonl")).json()
    assert (
        "rows and 0 files backed up into all.promptapp"
        in command_line.run("backup", "all.promptapp").out
    )
    assert command_line.run("backup", "all.promptapp").code == 2
    refused = command_line.run("restore", "all.promptapp")
    assert refused.code == 2
    assert "not empty" in refused.err
    restored = command_line.run("restore", "all.promptapp", "--replace", "--json").json()
    assert restored["rows"]["samples"] == 1
    shown = command_line.run("show", run["runs"][0]["id"], "--json").json()
    assert shown["state"] == "finished"
