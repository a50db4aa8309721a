"""``prompt-app backup`` and ``prompt-app restore``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import AsJson, console, counted, notices, print_json
from prompt_app.cli.opening import opened_workbench

if TYPE_CHECKING:
    from prompt_app.interfaces.backup import BackupContents, Progress


def backup(
    file: Annotated[Path, typer.Argument(help="File to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the whole store, stored files included, into one file, while it is in use."""
    with opened_workbench() as workbench, _progress() as progress:
        contents = workbench.backups.write(file, force=force, progress=progress)
    _report("backed up into", file, contents, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Delete what the store holds, and keep a backup of that.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into the store that the settings name: SQLite or PostgreSQL, wherever the
    backup is from."""
    from prompt_app.datasets.sources import no_such_file
    from prompt_app.errors import InputError

    if not file.exists():
        raise InputError(no_such_file(file))
    with opened_workbench() as workbench, _progress() as progress:
        contents = workbench.backups.restore(file, replace=replace, progress=progress)
    _report("restored from", file, contents, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Progress]:
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False)
    with Bars(*columns, console=notices, transient=True) as bars:
        task = bars.add_task("opening")
        yield lambda what, done: bars.update(task, description=f"{what}: {done:,}")


def _report(verb: str, file: Path, contents: BackupContents, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(file), "rows": dict(contents.rows), "files": contents.files})
        return
    console.print(
        f"{counted(contents.row_count, 'row')} and {counted(contents.files, 'file')} {verb} {file}",
        markup=False,
    )
