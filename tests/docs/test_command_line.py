"""docs/command-line.md says what the commands' help says, and its example is a valid file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from cli.test_json import CALLS, SERVERS

from prompt_app.cli.application import command_line
from prompt_app.cli.document import command_line_page, commands_of
from prompt_app.workbench.files import parse_evaluation

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def test_the_page_is_made_from_the_help() -> None:
    advice = "run: python -m prompt_app.cli.document > docs/command-line.md"
    assert PAGE.read_text("utf-8") == command_line_page(), advice


def test_the_example_is_a_valid_evaluation() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    spec = parse_evaluation(example, "the example")
    assert spec.limits.max_cost_usd == 5
    assert [model.model.reference for model in spec.models] == [
        "openai:gpt-5-mini",
        "bedrock:us.amazon.nova-lite-v1:0",
        "openai:llama3",
    ]


def test_every_command_prints_json_and_is_tried() -> None:
    group: Any = typer.main.get_command(command_line())
    commands = {name.strip(): command for name, command in commands_of("", group)}
    lacking = [
        name
        for name, command in commands.items()
        if not any("--json" in option.opts for option in command.params)
    ]
    assert lacking == [], "these take no --json (prompt_app.cli.plain.AsJson)"
    untried = set(commands) - {*CALLS, *SERVERS}
    assert untried == set(), "add a call of each to tests/cli/test_json.py"
    assert {*CALLS, *SERVERS} <= set(commands)
