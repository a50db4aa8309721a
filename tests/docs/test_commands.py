"""Every command and option that the documents name exists."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
import typer

from tests.docs.markdown import DOCUMENTS, ROOT, code_lines, read

NPM_OWN = {"ci", "install", "start", "test"}
NPM = re.compile(r"\bnpm (run )?([a-z][\w:-]*)")
PROMPT_APP = re.compile(r"(?:^|[\s(])prompt-app( [^|;&#>]*)?")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_npm_script_exists(document: str) -> None:
    scripts = json.loads((ROOT / "package.json").read_text("utf-8"))["scripts"]
    named = [match for line in code_lines(read(document)) for match in NPM.findall(line)]
    missing = [
        name
        for run, name in named
        if name not in scripts and (run or name not in NPM_OWN) and name != "run"
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_exists(document: str) -> None:
    calls = [match for line in code_lines(read(document)) for match in PROMPT_APP.findall(line)]
    assert [problem for call in calls if (problem := problem_of(call))] == []


def test_what_does_not_exist_is_found() -> None:
    assert problem_of(" fly") == "prompt-app fly"
    assert problem_of(" runs --no-such-option") == "prompt-app runs --no-such-option"
    assert problem_of(" datasets fly x") == "prompt-app datasets fly"
    assert problem_of(" run evaluation.yaml --help") == ""


def problem_of(call: str) -> str:
    """The first word of ``prompt-app<call>`` that does not exist, with what stands before it."""
    from prompt_app.cli.application import command_line

    command: Any = typer.main.get_command(command_line())
    path = ["prompt-app"]
    for word in shlex.split(call, comments=True):
        if word.startswith("--"):
            options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
            if word.partition("=")[0] not in options | {"--help"}:
                return " ".join([*path, word])
        elif subcommands := getattr(command, "commands", None):
            if word not in subcommands:
                return "" if word.isupper() else " ".join([*path, word])
            command = subcommands[word]
            path.append(word)
    return ""
