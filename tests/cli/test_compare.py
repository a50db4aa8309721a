"""``prompt-app compare``: the table, the sentences, the flips and the JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import CommandLine

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def runs(command_line: CommandLine) -> list[str]:
    result = command_line.run("run", "--json", str(EXAMPLES / "evaluation.yaml"))
    return [run["id"] for run in result.json()["runs"]]


def test_the_verdict_is_words(command_line: CommandLine, runs: list[str]) -> None:
    shown = command_line.run("compare", *runs, "--flips")
    assert shown.code == 0
    assert "squad_f1: Worse: squad_f1 differs by -0." in shown.out
    assert "after Holm's correction over 4 comparisons" in shown.out
    told = command_line.run("compare", *runs, "--json", "--metric", "exact_match").json()
    flipped = told["comparisons"][0]["lost"]
    assert flipped
    assert all(example in shown.out for example in flipped)
    assert flipped[0] not in command_line.run("compare", *runs).out


def test_few_values_come_with_a_caution(command_line: CommandLine) -> None:
    rows = [{"question": f"row {n} {'and ' * n}", "answers": ["row"]} for n in range(12)]
    (command_line.folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = {
        "dataset": {"path": "rows.jsonl"},
        "prompts": [
            {"name": "a", "template": "{question}"},
            {"name": "b", "template": "b {question}"},
        ],
        "models": ["offline:echo"],
        "metrics": ["squad_f1"],
    }
    (command_line.folder / "few.yaml").write_text(json.dumps(spec))
    caution = "Intervals from fewer than 20 values cover less than they say"
    assert caution in command_line.run("run", "few.yaml").out
    ids = [run["id"] for run in command_line.run("runs", "--json").json()]
    assert caution in command_line.run("compare", *ids).out


def test_json(command_line: CommandLine, runs: list[str]) -> None:
    told = command_line.run(
        "compare", *runs, "--json", "--metric", "squad_f1", "--margin", "squad_f1=0.02"
    ).json()
    (comparison,) = told["comparisons"]
    assert comparison["verdict"] == "worse"
    assert comparison["margin"] == 0.02
    assert comparison["interval"]["method"].startswith("clustered t")
    assert told["warnings"] == []
    assert told["shared_examples"] == {runs[1]: 40}


def test_a_plan_before_any_run(command_line: CommandLine) -> None:
    shown = command_line.run("power", "--difference", "0.05", "--suppose", "changed=0.2")
    assert shown.code == 0
    assert "658" in shown.out
    graded = ("power", "--difference", "0.1", "--suppose", "deviation=0.3", "--suppose")
    plans = command_line.run(*graded, "noise=0.2", "--json").json()["plans"]
    assert [plan["repeats"] for plan in plans] == [1, 2, 3, 5, 10, 20]
    assert plans[0]["examples"] > plans[-1]["examples"]
    assert all(plan["power"] >= 0.8 for plan in plans)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--suppose", "noise=0.2"), "give their deviation too"),
        (("--suppose", "x"), "expected NAME=NUMBER"),
        (("--suppose", "x=1"), "the names are changed, deviation, noise"),
        (("--suppose", "deviation=-1"), "a number from 0"),
        (("--difference", "0"), "must not be 0"),
        (("--difference", "0.3"), "between 0.3 and 1"),
        (("one",), "two run ids and --metric"),
        (("one", "two", "--metric", "m", "--suppose", "noise=1"), "without a pilot"),
    ],
)
def test_a_plan_that_cannot_be_made(command_line: CommandLine, arguments: Any, words: str) -> None:
    told = command_line.run("power", *arguments)
    assert told.code == 2
    assert words in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(
    "margins", [["a"], ["0.1", "0.2"], ["0.1", "squad_f1=0.2"], ["squad_f1=0.1", "squad_f1=0.2"]]
)
def test_a_wrong_margin(command_line: CommandLine, runs: list[str], margins: list[str]) -> None:
    options = [word for margin in margins for word in ("--margin", margin)]
    result = command_line.run("compare", *runs, *options)
    assert result.code == 2
    assert "--margin" in result.err
    assert len(result.err.splitlines()) == 1


def test_a_power_plan(command_line: CommandLine, runs: list[str]) -> None:
    options = ("--metric", "exact_match", "--difference", "0.05")
    shown = command_line.run("power", *runs, *options)
    assert shown.code == 0
    assert "more examples than the dataset has" in shown.out
    assert "cannot tell what repeats would save" in shown.out
    plan = command_line.run("power", *runs, *options, "--json").json()["plans"][0]
    assert plan["samples"] > 300
    assert plan["power"] >= 0.8
