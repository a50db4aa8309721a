"""Copying a whole store into one file and back, and how much it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prompt_app.interfaces import BlobStore

Progress = Callable[[str, int], None]
"""Called with what is being copied and how many rows or files of it are done."""


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What was copied."""

    rows: Mapping[str, int]
    """Table -> its rows."""
    files: int

    @property
    def row_count(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class TableUsage:
    """``bytes`` counts its indexes too; None where the database cannot tell."""

    table: str
    rows: int
    bytes: int | None


class BackupStore(Protocol):
    """The part of the store that copies all of it."""

    @property
    def place(self) -> str:
        """The database, for people: without its password."""
        ...

    def back_up(
        self, file: Path, blobs: BlobStore, progress: Progress | None = None
    ) -> BackupContents:
        """Write everything, as it is at one moment, into ``file``, which must not exist: it
        appears when it is whole. Runs go on meanwhile."""
        ...

    def restore(
        self,
        file: Path,
        blobs: BlobStore,
        *,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> BackupContents:
        """Put what ``file`` holds into this store, all or nothing; an older file is migrated.

        Raises ConflictError where the store holds rows already, unless they are to be replaced,
        and where runs are being worked on; InputError for a file that is no backup; SchemaError
        for one that a newer version wrote.
        """
        ...

    def usage(self) -> list[TableUsage]:
        """Of every table."""
        ...
