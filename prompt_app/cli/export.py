"""``prompt-app export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from prompt_app.cli.common import AsJson, RunId, console, counted, print_json
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import InputError


def export(
    run_id: RunId,
    file: Annotated[
        Path, typer.Argument(help="File to write: .jsonl, .csv, .parquet, or .html for a report.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write all rows of a run to a file, or one self-contained report of it in HTML."""
    from prompt_app.workbench.exporting import ExportFormat

    ending = file.suffix.lstrip(".").lower()
    endings = (*get_args(ExportFormat), "html")
    if ending not in endings:
        known = ", ".join(f".{each}" for each in endings)
        raise InputError(f"{file} must end in one of {known}.")
    if file.exists() and not force:
        raise InputError(f"{file} exists; give another name, or --force to replace it.")
    if not file.absolute().parent.is_dir():
        raise InputError(f"There is no folder {file.parent}.")
    with opened_workbench() as workbench:
        if ending == "html":
            count = workbench.run(run_id).progress.done
            file.write_text(workbench.reports.run(run_id), "utf-8")
        else:
            count = workbench.export(run_id, file, ending)  # type: ignore[arg-type]
    if as_json:
        print_json({"file": str(file), "rows": count})
    elif ending == "html":
        console.print(f"The report was written to {file}", markup=False)
    else:
        console.print(f"{counted(count, 'row')} written to {file}", markup=False)
