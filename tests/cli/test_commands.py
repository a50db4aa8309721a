"""Each command on a real store, its text and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import CommandLine

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def finished(command_line: CommandLine) -> str:
    """The run id of the example's first run."""
    result = command_line.run("run", "--json", str(EXAMPLES / "evaluation.yaml"))
    assert result.code == 0
    return str(result.json()["runs"][0]["id"])


def test_the_example_shows_that_the_passage_helps(command_line: CommandLine, finished: str) -> None:
    first, second = (
        command_line.run("show", "--json", run).json()["summary"][0]
        for run in (finished, finished.replace("-1", "-2"))
    )
    assert first["interval"]["lower"] > second["interval"]["upper"]


def test_listing_and_showing(command_line: CommandLine, finished: str) -> None:
    assert finished in command_line.run("runs").out
    shown = command_line.run("show", finished)
    assert "95% interval" in shown.out
    assert "$0 on the model, $0 on judges" in shown.out
    assert "No price" not in shown.out
    assert "squad_f1" in shown.out
    assert "geography@1" in command_line.run("datasets", "list").out
    assert command_line.run("datasets", "show", "geography", "--json").json()["versions"]
    assert "with-passage@1" in command_line.run("prompts", "list").out
    assert "Passage: {passage}" in command_line.run("prompts", "show", "with-passage").out
    assert "offline:extractive" in command_line.run("models", "offline").out
    assert "squad_f1" in command_line.run("metrics").out


def test_rows_by_a_metric_that_the_run_lacks(command_line: CommandLine, finished: str) -> None:
    result = command_line.run("rows", finished, "--metric", "exact_mach", "--min", "1")
    assert result.code == 2
    assert f"no metric of {finished} named 'exact_mach'. Did you mean 'exact_match'?" in result.err


def test_rows_are_filtered_and_paged(command_line: CommandLine, finished: str) -> None:
    best = command_line.run(
        "rows", finished, "--metric", "exact_match", "--min", "1", "--json", "--limit", "3"
    ).json()
    assert 3 < best["total"] < 40
    assert [row["exact_match"] for row in best["rows"]] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_export(command_line: CommandLine, finished: str, ending: str) -> None:
    result = command_line.run("export", finished, f"rows.{ending}")
    assert result.code == 0
    assert (command_line.folder / f"rows.{ending}").stat().st_size > 1000
    again = command_line.run("export", finished, f"rows.{ending}")
    assert again.code == 2
    assert "--force" in again.err


def test_export_neutralises_formulas(command_line: CommandLine) -> None:
    row = {"question": '=HYPERLINK("http://x")', "answers": ["-1+1"], "@x": 1}
    (command_line.folder / "rows.jsonl").write_text(json.dumps(row))
    run = command_line.run("run", "--json", command_line.evaluation("rows.jsonl")).json()
    command_line.run("export", run["runs"][0]["id"], "rows.csv")
    text = (command_line.folder / "rows.csv").read_text()
    assert ",'=HYPERLINK" not in text
    assert "\"'=HYPERLINK" in text
    assert "'@x" not in text  # behind "input." it starts no formula


def test_rescoring_calls_no_model(command_line: CommandLine, finished: str) -> None:
    before = metrics_of(command_line.run("show", finished, "--json").json())
    result = command_line.run("rescore", finished, "squad_f1", "{name: rouge}", "--json")
    assert result.code == 0
    assert metrics_of(result.json()) == [*before, "rouge"]
    assert {each["scored"] for each in result.json()["summary"]} == {40}
    result = command_line.run("rescore", finished, "squad_f1", "--only", "--json")
    assert metrics_of(result.json()) == ["squad_f1"]


def metrics_of(run: Any) -> list[str]:
    summary = [each["metric"] for each in run["summary"]]
    assert summary == [each["key"] for each in run["spec"]["metrics"]]
    return summary


def test_thresholds_follow_a_rescore(command_line: CommandLine) -> None:
    (command_line.folder / "rows.jsonl").write_text('{"question": "a", "answers": ["b"]}\n')
    thresholds = [{"metric": "exact_match", "at_least": 0.5}]
    started = command_line.run(
        "run", "--json", command_line.evaluation("rows.jsonl", thresholds=thresholds)
    )
    run_id = started.json()["runs"][0]["id"]
    added = command_line.run("rescore", run_id, "length_words")
    assert added.code == 3
    assert "exact_match (mean) is 0, below 0.5" in added.err
    assert "1 word " in added.out
    dropped = command_line.run("rescore", run_id, "length_words", "--only")
    assert (dropped.code, dropped.err.count("Threshold")) == (0, 0)


def test_what_cannot_be_rescored_leaves_the_run_as_it_was(
    command_line: CommandLine, finished: str
) -> None:
    for wrong in (["squad_f1", "squad_f1"], ["squad_f"], ["{name: rouge, options: {a: 1}}"]):
        assert command_line.run("rescore", finished, *wrong).code == 2
    assert command_line.run("show", finished, "--json").json()["state"] == "finished"


def test_a_dataset_is_added_as_an_evaluation_file_reads_it(command_line: CommandLine) -> None:
    rows = [f'{{"question": "{n}", "answers": ["b"], "source": "s{n % 3}"}}' for n in range(40)]
    (command_line.folder / "rows.txt").write_text("\n".join(rows))
    arguments = ("rows.txt", "--format", "jsonl", "--cluster-field", "source", "--seed", "7")
    splits = ("--split", "train=0.75", "--split", "test=0.25")
    added = command_line.run("datasets", "add", *arguments, *splits, "--json").json()
    assert sum(added["split_rows"].values()) == 40
    assert set(added["split_rows"]) == {"train", "test"}
    command_line.run("run", command_line.evaluation({"path": "rows.txt", "options": {
        "format": "jsonl", "cluster_field": "source", "seed": 7,
        "splits": {"test": 0.25, "train": 0.75},
    }}))  # fmt: skip
    shown = command_line.run("datasets", "show", "rows", "--json").json()
    assert [version["id"] for version in shown["versions"]] == [added["id"]]


def test_a_dataset_is_added_from_a_named_sheet_with_its_splits(command_line: CommandLine) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.create_sheet("second")
    for row in (["question", "answers", "part"], ["a", "b", "dev"], ["c", "d", "test"]):
        sheet.append(row)
    book.save(command_line.folder / "book.xlsx")
    arguments = ("book.xlsx", "--sheet", "second", "--split-field", "part")
    assert "2 good rows" in command_line.run("datasets", "check", *arguments).out
    added = command_line.run("datasets", "add", *arguments, "--json").json()
    assert added["split_rows"] == {"dev": 1, "test": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--split", "test"], "--split takes NAME=FRACTION, such as test=0.2, not 'test'."),
        (["--split", "test=nan"], "not 'test=nan'."),
        (["--split", "=0.5"], "not '=0.5'."),
        (["--split", "a=0.5", "--split", "a=0.2"], "--split names a split twice."),
        (["--split", "a=0.5", "--split", "b=0.6"], "add up to at most 1"),
        (["--split", "größe=0.5"], "cannot be a split's name: use letters a to z, digits"),
        (["--format", "json1"], "no dataset format named 'json1'. Did you mean 'json' or 'jsonl'?"),
        (["--cluster-field", "sources"], "No row has the cluster field 'sources'"),
    ],
)
def test_how_a_dataset_cannot_be_added(
    command_line: CommandLine, arguments: list[str], said: str
) -> None:
    (command_line.folder / "rows.jsonl").write_text('{"question": "a", "answers": ["b"]}\n')
    refused = command_line.run("datasets", "add", "rows.jsonl", *arguments)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert said in refused.err


def test_a_letter_with_an_accent_in_a_name_is_told_which_letters_are_meant(
    command_line: CommandLine,
) -> None:
    (command_line.folder / "rows.jsonl").write_text('{"question": "a", "answers": ["b"]}\n')
    prompts = [{"name": "größe", "template": "{question}"}]
    refused = command_line.run("run", command_line.evaluation("rows.jsonl", prompts=prompts))
    assert "'größe' cannot be a name; use letters a to z, digits" in refused.err


def test_one_is_told_as_one(command_line: CommandLine) -> None:
    (command_line.folder / "rows.jsonl").write_text('{"question": "a", "answers": ["b"]}\n')
    assert command_line.run("datasets", "add", "rows.jsonl").out == "rows@1: 1 row\n"
    assert ": 1 row, " in command_line.run("datasets", "show", "rows").out


@pytest.mark.parametrize("command", [[], ["rows"], ["datasets", "add"]])
def test_short_help(command_line: CommandLine, command: list[str]) -> None:
    short, long = (command_line.run(*command, option) for option in ("-h", "--help"))
    assert short == long
    assert short.code == 0
    assert "Usage:" in short.out


def test_prompts_are_versioned_labelled_and_compared(command_line: CommandLine) -> None:
    (command_line.folder / "p.txt").write_text("Answer: {question}\n")
    assert "greet@1" in command_line.run("prompts", "save", "greet", "p.txt").out
    (command_line.folder / "p.txt").write_text("Answer briefly: {question}\n")
    assert "greet@2" in command_line.run("prompts", "save", "greet", "p.txt").out
    assert "greet@2" in command_line.run("prompts", "save", "greet", "p.txt").out
    command_line.run("prompts", "label", "greet", "production", "1")
    shown = command_line.run("prompts", "show", "greet@production", "--json").json()
    assert shown["number"] == 1
    diff = command_line.run("prompts", "diff", "greet", "production", "2").out
    assert "+  Answer briefly: {question}" in diff


def test_a_quote_spends_nothing(command_line: CommandLine) -> None:
    result = command_line.run("quote", "--json", str(EXAMPLES / "evaluation.yaml"))
    assert result.code == 0
    assert result.json()["samples"] == result.json()["calls"] == 80
    assert command_line.run("runs", "--json").json() == []
