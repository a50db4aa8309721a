"""The copy of a store that is made before a migration changes it.

An SQLite store is copied as the file that it is. The tables of a PostgreSQL store are written into
an SQLite store of the same schema, as ``prompt-app backup`` writes them, so that ``restore`` takes
either: of this version of the app, which migrates it, and of the one before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import DateTime, MetaData, inspect

from prompt_app.errors import SchemaError, StoreError
from prompt_app.storage.database import Database
from prompt_app.storage.table_copy import copy_table
from prompt_app.storage.tables import Moment

KEPT_BACKUPS = 5
_log = logging.getLogger(__name__)

Upgrade = Callable[[Database, str], None]
"""Brings a store to a revision."""


def back_up(database: Database, folder: Path, revision: str, upgrade: Upgrade) -> Path:
    """Copy the store, whole even while others write; the oldest of more than five copies go.

    Raises SchemaError where the copy cannot be made.
    """
    name = Path(str(database.url.database)).stem if database.is_sqlite else "postgresql"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = folder / f"{name}-{stamp}-schema-{revision}.sqlite3"
    part = target.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # For its owner alone: it holds all data.
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if database.is_sqlite:
            _copy_file(Path(str(database.url.database)), part)
        else:
            _log.info("The store %s is backed up to %s first.", database.place, target)
            _copy_tables(database, part, revision, upgrade)
        part.replace(target)
        for old in sorted(folder.glob(f"{name}-*-schema-*.sqlite3"))[:-KEPT_BACKUPS]:
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error, StoreError) as error:
        raise SchemaError(
            f"The store {database.place} needs a migration, but its backup into {folder} failed, "
            f"so that nothing was changed: {error}"
        ) from error
    finally:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):  # what went wrong before is what is told
                part.with_name(part.name + ending).unlink()
    _log.info("The store was backed up to %s.", target)
    return target


def _copy_file(file: Path, part: Path) -> None:
    source, copy = sqlite3.connect(file), sqlite3.connect(part)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def _copy_tables(database: Database, part: Path, revision: str, upgrade: Upgrade) -> None:
    """What the tables are is read from the copy: this app knows those of its own schema alone."""
    copy = Database(f"sqlite:///{part}")
    try:
        upgrade(copy, revision)
        tables = MetaData()
        with database.snapshot() as reading, copy.migration() as writing:
            names = set(inspect(reading).get_table_names()) - {"alembic_version"}
            tables.reflect(writing, only=sorted(names))
            for table in tables.sorted_tables:
                for column in table.columns:
                    if isinstance(column.type, DateTime):
                        column.type = Moment()
                copy_table(reading, writing, table)
    finally:
        copy.close()
