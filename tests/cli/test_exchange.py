"""Datasets to and from other tools' files, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from cli.commands import CommandLine


def test_a_dataset_goes_out_and_comes_back(command_line: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "tests.yaml"
    source.write_text('- {vars: {q: "2+2?"}, assert: [{type: equals, value: "4"}]}\n')
    imported = command_line.run("datasets", "import", str(source), "--format", "promptfoo")
    assert "tests@1: 1 row, references in __expected" in imported.out
    out = tmp_path / "out.jsonl"
    written = command_line.run(
        "datasets", "export", "tests", str(out), "--format", "inspect", "--input-field", "q"
    )
    assert "1 row written" in written.out
    assert json.loads(out.read_text()) == {"input": "2+2?", "target": "4"}


def test_rows_that_do_not_fit_are_named(command_line: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "data.jsonl"
    source.write_text(
        '{"question": "x", "answers": ["a", "b"]}\n{"question": "y", "answers": "c"}\n'
    )
    command_line.run("datasets", "add", str(source))
    out = tmp_path / "out.jsonl"
    arguments = ("datasets", "export", "data", str(out), "--format", "bedrock")
    refused = command_line.run(*arguments)
    assert refused.code != 0
    assert "2 reference answers" in refused.err
    assert not out.exists()
    report = command_line.run(*arguments, "--skip-bad-rows", "--json").json()
    assert (report["rows"], report["problem_count"], report["problems"][0]["line"]) == (1, 1, 1)


def test_an_unknown_format_is_told(command_line: CommandLine, tmp_path: Path) -> None:
    result = command_line.run("datasets", "import", "x.yaml", "--format", "promptfo")
    assert result.code != 0
    assert "promptfoo" in result.err
