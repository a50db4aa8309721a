"""``prompt-app archive``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, console, counted, print_json
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import InputError


def archive(
    run: Annotated[
        str | None, typer.Argument(help="Run id, or any beginning of it that is unique.")
    ] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Every run that ended more than so many days ago.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move the rows of ended runs out of the database into Parquet files, where they stay
    readable."""
    if (run is None) == (older_than is None):
        raise InputError("Give a run, or --older-than with a number of days.")
    with opened_workbench() as workbench:
        if run is not None:
            found = workbench.run(run)
            moved = {found.id: workbench.archive.archive(found)}
        else:
            assert older_than is not None
            moved = workbench.archive.archive_older_than(older_than)
    if as_json:
        print_json({"archived": moved})
        return
    for run_id, rows in moved.items():
        console.print(f"{run_id}: {counted(rows, 'row')} archived", markup=False)
    if not moved:
        console.print("No run ended so long ago.")
