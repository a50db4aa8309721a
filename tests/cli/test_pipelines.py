"""``prompt-app pipelines`` and ``functions`` over the shipped example."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.commands import CommandLine

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = str(EXAMPLES / "pipelines" / "simplify.txt")


@pytest.fixture
def line(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("PROMPT_APP_FUNCTIONS", str(EXAMPLES / "functions"))
    prompt = str(EXAMPLES / "pipelines" / "simplify_prompt.txt")
    assert command_line.run("prompts", "save", "simplify", prompt).code == 0
    assert "longest_words, reading_ease" in command_line.run("functions", "synchronise").out
    return command_line


def test_the_example_is_checked_saved_and_called(line: CommandLine) -> None:
    assert line.run("pipelines", "check", TEXT, "--model", "offline:echo").out == (
        "5 steps; arguments: text\n"
    )
    saved = line.run("pipelines", "save", "simplify", TEXT, "--model", "offline:echo", "--json")
    assert saved.json()["number"] == 1
    called = line.run("pipelines", "call", "simplify", "text=The cat sat.", "--trace")
    assert called.code == 0
    assert "Before 119.2, after " in called.out
    assert "reading_ease" in called.out
    listed = line.run("pipelines", "list", "--json").json()
    assert [(each["name"], each["problem"]) for each in listed] == [("simplify", "")]
    assert "fill(" in line.run("pipelines", "show", "simplify").out
    assert line.run("pipelines", "delete", "simplify").code == 0
    assert "No pipelines yet." in line.run("pipelines", "list").out


def test_arguments_come_from_pairs_files_and_json(line: CommandLine) -> None:
    line.run("pipelines", "save", "both", "concat(a, b)")
    (line.folder / "text.txt").write_text("from a file")
    given = line.run("pipelines", "call", "both", "b=@text.txt", "--arguments", '{"a": [1]}')
    assert given.out == "[1]from a file\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["check", "upper(a b)"], 2, "Column 9"),
        (["check", "nowhere.txt"], 2, "neither a pipeline"),
        (["call", "both"], 2, "needs a and b"),
        (["call", "both", "a"], 2, "Write name=value"),
        (["call", "both", "a=@none.txt"], 2, "no text file"),
        (["call", "both", "--arguments", "[1]"], 2, "JSON object"),
        (["call", "both", "--arguments", "{"], 2, "no valid JSON"),
        (["call", "bth", "a=1"], 2, "Did you mean 'both'"),
        (["call", "pick", "n=5"], 1, "There is no item 5"),
    ],
)
def test_mistakes_are_one_line(
    line: CommandLine, arguments: list[str], code: int, says: str
) -> None:
    line.run("pipelines", "save", "both", "concat(a, b)")
    line.run("pipelines", "save", "pick", "item([1, 2], n)")
    done = line.run("pipelines", *arguments)
    assert done.code == code
    assert says in done.err
    assert "Traceback" not in done.err


def test_functions_are_listed_and_a_broken_file_is_told(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "reading_ease(text: str) -> float" in line.run("functions", "list", "flesch").out
    (line.folder / "custom_bad.py").write_text("import nothing_like_this")
    monkeypatch.setenv("PROMPT_APP_FUNCTIONS", str(line.folder))
    done = line.run("functions", "synchronise")
    assert done.code == 2
    assert "custom_bad.py cannot be imported" in done.err
    assert "removed: longest_words, reading_ease" in done.out
