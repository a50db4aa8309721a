"""``prompt-app export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from prompt_app.cli.common import AsJson, RunId, console, print_json
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import InputError


def export(
    run_id: RunId,
    file: Annotated[Path, typer.Argument(help="File to write: .jsonl, .csv or .parquet.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write all rows of a run to a file."""
    from prompt_app.workbench.exporting import ExportFormat

    ending = file.suffix.lstrip(".").lower()
    if ending not in get_args(ExportFormat):
        known = ", ".join(f".{each}" for each in get_args(ExportFormat))
        raise InputError(f"{file} must end in one of {known}.")
    if file.exists() and not force:
        raise InputError(f"{file} exists; give another name, or --force to replace it.")
    if not file.absolute().parent.is_dir():
        raise InputError(f"There is no folder {file.parent}.")
    with opened_workbench() as workbench:
        count = workbench.export(run_id, file, ending)  # type: ignore[arg-type]
    if as_json:
        print_json({"file": str(file), "rows": count})
    else:
        console.print(f"{count} rows written to {file}", markup=False)
