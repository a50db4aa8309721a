"""``prompt-app functions``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import (
    AsJson,
    console,
    notices,
    print_json,
    print_table,
    shortened,
)
from prompt_app.cli.opening import opened_workbench

app = typer.Typer(help="List and register the functions of pipelines.", no_args_is_help=True)


@app.command("list")
def list_functions(
    text: Annotated[str, typer.Argument(help="Part of the name or description.")] = "",
    as_json: AsJson = False,
) -> None:
    """List what a pipeline can call: built-in functions, registered ones, and prompts."""
    with opened_workbench() as workbench:
        found = [
            each
            for each in workbench.pipelines.functions()
            if text.casefold() in f"{each.name} {each.description}".casefold()
        ]
    if as_json:
        print_json(found)
        return
    rows = [[e.source, e.group, e.signature, shortened(e.description, 80)] for e in found]
    print_table(["source", "group", "function", "what"], rows, "No such function.")


@app.command("synchronise")
def synchronise(as_json: AsJson = False) -> None:
    """Register what the folder of custom functions holds now, and report what changed."""
    with opened_workbench() as workbench:
        done = workbench.pipelines.synchronise()
    if as_json:
        print_json(
            {
                "added": done.added,
                "changed": done.changed,
                "removed": done.removed,
                "problems": done.problems,
                "invalid": dict(done.invalid),
            }
        )
    else:
        for what in ("added", "changed", "removed"):
            names = getattr(done, what)
            if names:
                console.print(f"{what}: {', '.join(names)}", markup=False)
        if not (done.added or done.changed or done.removed):
            console.print("Nothing changed.")
        for problem in done.problems:
            notices.print(f"problem: {problem}", markup=False)
        for name, reason in done.invalid.items():
            notices.print(f"pipeline {name} cannot be called: {reason}", markup=False)
    if done.problems:
        raise typer.Exit(2)
