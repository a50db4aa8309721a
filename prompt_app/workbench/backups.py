"""The whole store as one file, and back: for an admin."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prompt_app.datamodel.access import Person, Role
from prompt_app.errors import InputError
from prompt_app.interfaces import Store
from prompt_app.interfaces.backup import BackupContents, Progress, TableUsage
from prompt_app.interfaces.watching import tell
from prompt_app.settings import Settings
from prompt_app.storage import open_blob_store

ENDING = ".promptapp"


class Backups:
    """``Workbench.backups``."""

    def __init__(self, settings: Settings, store: Store, actor: Person) -> None:
        self._settings = settings
        self._store = store
        self._actor = actor

    def write(
        self, file: Path, *, force: bool = False, progress: Progress | None = None
    ) -> BackupContents:
        """Copy everything into ``file``; with ``force`` in place of what is there."""
        self._actor.require(Role.ADMIN, "make a backup: it holds everything")
        if not file.absolute().parent.is_dir():
            raise InputError(f"There is no folder {file.parent}.")
        if file.exists() and not force:
            raise InputError(f"{file} exists; give another name, or --force to replace it.")
        fresh = file.with_name(f".{file.name}.new") if file.exists() else file
        if progress is None:
            progress = _told(sum(each.rows for each in self.usage()))
        contents = self._store.back_up(fresh, open_blob_store(self._settings), progress)
        if fresh != file:
            fresh.replace(file)
        return contents

    def restore(
        self, file: Path, *, replace: bool = False, progress: Progress | None = None
    ) -> BackupContents:
        """Put what ``file`` holds into the store, all or nothing. What is replaced is backed up
        into the data folder first."""
        self._actor.require(Role.ADMIN, "restore a backup")
        if replace and any(each.rows for each in self.usage()):
            folder = self._settings.data_dir / "backups"
            folder.mkdir(parents=True, exist_ok=True)
            self.write(folder / f"before-restore-{backup_name()}")
        blobs = open_blob_store(self._settings)
        return self._store.restore(file, blobs, replace=replace, progress=progress or _told(None))

    @property
    def place(self) -> str:
        """The database, for people: without user and password."""
        return self._store.place

    def usage(self) -> list[TableUsage]:
        """How much of what is stored."""
        return self._store.usage()


def _told(total: int | None) -> Progress:
    """Tells whoever watches how many rows are done in all."""
    done: dict[str, int] = {}

    def note(what: str, count: int) -> None:
        done[what] = count
        tell("rows", sum(done.values()), total)

    return note


def backup_name() -> str:
    """``prompt-app-20260102T030405678901.promptapp``."""
    return f"prompt-app-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{ENDING}"
