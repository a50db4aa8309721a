"""Wrong input: one clear line that says what, where and what to do, exit code 2, nothing run."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from cli.commands import CommandLine

GOOD = b'{"question": "a", "answers": ["a"]}\n'


def written(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return name


ROWS = {
    "empty file": (b"", "empty"),
    "missing reference": (GOOD + b'{"question": "b"}\n', "line 2", "answers"),
    "invalid JSON": (GOOD + b'{"question": \n', "line 2", "JSON"),
    "UTF-16 byte-order mark": ("\ufeff{}".encode("utf-16-le"), "UTF-16"),
    "5,000 digits": (
        GOOD + b'{"question": ' + b"9" * 5000 + b', "answers": ["a"]}\n', "line 2", "number",
    ),
    "NaN": (GOOD + b'{"question": NaN, "answers": ["a"]}\n', "line 2", "NaN"),
    "deep nesting": (
        GOOD + b'{"question": ' + b"[" * 10_000 + b"]" * 10_000 + b"}\n", "line 2", "nested",
    ),
    "lone surrogate": (
        GOOD + b'{"question": "\\ud800", "answers": ["a"]}\n', "line 2", "surrogate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_rows(command_line: CommandLine, case: str) -> None:
    content, *told = ROWS[case]
    name = written(command_line.folder, "rows.jsonl", content)
    result = command_line.run("run", command_line.evaluation(name))
    assert result.code == 2
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("prompt-app: ")
    assert "rows.jsonl" in line
    for words in told:
        assert words in line


def test_every_bad_row_is_told_and_can_be_skipped(command_line: CommandLine) -> None:
    content = GOOD + b"{\n" + GOOD.replace(b"a", b"b", 0) + b"[]\n"
    name = written(command_line.folder, "rows.jsonl", content)
    result = command_line.run("run", command_line.evaluation(name))
    assert result.code == 2
    assert "2 bad rows" in result.err
    assert "line 2" in result.err
    assert "line 4" in result.err
    skipping = {"path": name, "on_bad_rows": "skip"}
    result = command_line.run("run", "--json", command_line.evaluation(skipping))
    assert result.code == 0
    assert result.json()["runs"][0]["progress"]["skipped_rows"] == 2


def test_a_utf8_byte_order_mark_and_a_200_kb_cell_are_read(command_line: CommandLine) -> None:
    cell = "x" * 200_000
    content = b"\xef\xbb\xbf" + f'{{"question": "{cell}", "answers": ["{cell}"]}}'.encode()
    name = written(command_line.folder, "rows.jsonl", content)
    result = command_line.run("run", "--json", command_line.evaluation(name))
    assert result.code == 0
    assert result.json()["runs"][0]["summary"][0]["mean"] == 1.0


def test_an_xlsx_bomb(command_line: CommandLine) -> None:
    with zipfile.ZipFile(command_line.folder / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 300_000_000)
    result = command_line.run("datasets", "add", "bomb.xlsx")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "bomb.xlsx" in line


def test_a_field_that_no_row_has(command_line: CommandLine) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    prompts = [{"name": "p", "template": "{qestion}"}]
    result = command_line.run("run", command_line.evaluation(name, prompts=prompts))
    assert result.code == 2
    assert "qestion" in result.err
    assert "Did you mean {question}?" in result.err


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (["offline:extractiv"], "'extractive'"),
        (["ofline:echo"], "'offline'"),
        (["openai:gpt-4o-mini"], "OPENAI_API_KEY"),
        ([{"provider": "openai", "name": "m", "base_url": "http://127.0.0.1:9/v1"}], "127.0.0.1:9"),
    ],
)
def test_models(command_line: CommandLine, models: list[object], told: str) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    result = command_line.run("run", command_line.evaluation(name, models=models))
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert told in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "YAML"),
        ("- a", "mapping"),
        ("dataset: x.jsonl", "prompts"),
        ("dataset: x.jsonl\nmetricks: []", "did you mean 'metrics'"),
    ],
)
def test_evaluation_files(command_line: CommandLine, text: str, told: str) -> None:
    written(command_line.folder, "evaluation.yaml", text.encode())
    result = command_line.run("run", "evaluation.yaml")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "evaluation.yaml" in line
    assert told in line


def test_a_wrong_setting(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    result = command_line.run("runs")
    assert result.code == 2
    assert "LOG_LEVEL" in result.err


def test_an_unknown_run(command_line: CommandLine) -> None:
    result = command_line.run("show", "nothing")
    assert result.code == 2
    assert "nothing" in result.err


@pytest.mark.parametrize("name", ["a/../b", "", "-x", "a" * 101, "café"])
def test_a_name_that_is_none(command_line: CommandLine, name: str) -> None:
    written(command_line.folder, "rows.jsonl", GOOD)
    result = command_line.run("datasets", "add", "rows.jsonl", "--name", name)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "cannot be a dataset's name" in line


def test_what_follows_from_another_mistake_is_not_told(command_line: CommandLine) -> None:
    written(command_line.folder, "rows.jsonl", GOOD)
    result = command_line.run(
        "run", command_line.evaluation("rows.jsonl", prompts=[{"template": "{question}"}])
    )
    assert result.code == 2
    assert "needs a 'name'" in result.err
    assert "at least 1 item" not in result.err
