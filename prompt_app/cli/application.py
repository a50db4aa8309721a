"""Puts the commands together and turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module

import typer
from typer.exceptions import TyperException

from prompt_app.cli.plain import FAILED, INTERRUPTED, WRONG_INPUT
from prompt_app.errors import InputError, PromptAppError

COMMANDS = {
    "run": "run:run",
    "quote": "quote:quote",
    "runs": "runs:runs",
    "show": "show:show",
    "compare": "compare:compare",
    "power": "power:power",
    "variance": "variance:variance",
    "rank": "rank:rank",
    "calibrate": "calibrate:calibrate",
    "regrade": "regrade:regrade",
    "rows": "rows:rows",
    "export": "export:export",
    "labels": "labels:app",
    "pause": "steering:pause",
    "cancel": "steering:cancel",
    "resume": "steering:resume",
    "rescore": "rescore:rescore",
    "datasets": "datasets:app",
    "prompts": "prompts:app",
    "finetune": "finetune:app",
    "functions": "functions:app",
    "pipelines": "pipelines:app",
    "rubric": "rubric:app",
    "models": "models:models",
    "metrics": "metrics:metrics",
    "archive": "archive:archive",
    "projects": "projects:app",
    "create-admin": "create_admin:create_admin",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "migrate": "migrate:migrate",
    "worker": "worker:worker",
    "mock-server": "mock_server:mock_server",
    "start": "start:start",
    "gateway": "gateway:gateway",
    "tokens": "tokens:app",
    "alerts": "alerts:app",
}
"""Each command's module in this package, and its function or group there."""


def command_line(only: str | None = None) -> typer.Typer:
    """All commands, or ``only`` the one named: nobody waits for the imports of the others."""
    app = typer.Typer(
        name="prompt-app",
        help="Evaluate prompts and models: scores with intervals, and every row behind them.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(lambda: None)  # with one command alone, its name is still to be given
    for name in COMMANDS if only is None else [only]:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"prompt_app.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def main() -> None:
    """Run the command line and exit."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        code = command_line(first if first in COMMANDS else None)(standalone_mode=False)
        sys.exit(code or 0)
    except typer.Abort:
        sys.exit(FAILED)
    except TyperException as error:
        print(misuse(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except PromptAppError as error:
        print(f"prompt-app: {error}", file=sys.stderr)
        sys.exit(WRONG_INPUT if is_input(error) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def misuse(error: TyperException) -> str:
    """One line for wrong arguments; the help itself where none are given."""
    said = error.format_message().replace("Value error, ", "").rstrip()
    context = getattr(error, "ctx", None)
    if context is None:
        return f"prompt-app: {said}"
    if said == context.get_help().rstrip():
        return said
    command = " ".join(["prompt-app", *context.command_path.split()[1:]])
    said = said.rstrip(".")
    end = "" if said.endswith("?") else "."
    return f"prompt-app: {said}{end} See {command} --help."


def is_input(error: PromptAppError) -> bool:
    """Whether the user can mend it in what was given: missing credentials count."""
    return isinstance(error, InputError) or error.kind == "authentication"
