"""A backup: an SQLite file with the store's own tables, and the stored files in one more.

Because it has the store's tables and its revision, any database's rows fit in it, the migrations
bring an old one up to date, and a table that is added later is copied without a line here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import BinaryIO, cast

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)

from prompt_app.errors import BlobError, ConflictError, InputError, StoreError
from prompt_app.interfaces import BlobStore
from prompt_app.interfaces.backup import BackupContents, Progress, TableUsage
from prompt_app.storage.database import Database
from prompt_app.storage.migrate import migrate
from prompt_app.storage.part import StorePart
from prompt_app.storage.table_copy import copy_table
from prompt_app.storage.tables import metadata, runs

PART_BYTES = 1_000_000
_IN_MEMORY = 8_000_000

own = MetaData()
info = Table("backup_info", own, Column("name", Text, primary_key=True), Column("value", Text))
file_parts = Table(
    "backup_files",
    own,
    Column("key", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("key", "part"),
)


class Backups(StorePart):
    """The part of the store that copies all of it."""

    @property
    def place(self) -> str:
        """The database, for people: without its password."""
        return self._database.place

    def back_up(
        self, file: Path, blobs: BlobStore, progress: Progress | None = None
    ) -> BackupContents:
        """Write everything, as it is at one moment, into ``file``, which must not exist."""
        if file.exists():
            raise InputError(f"{file} exists; give another name.")
        part = file.with_name(f".{file.name}.part")
        try:
            # For its owner alone: it holds all data.
            os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
            contents = self._write(part, blobs, progress)
            part.replace(file)
        except OSError as error:
            raise StoreError(f"{file} could not be written: {error.strerror}.") from error
        finally:
            for ending in ("", "-wal", "-shm"):
                part.with_name(part.name + ending).unlink(missing_ok=True)
        return contents

    def restore(
        self,
        file: Path,
        blobs: BlobStore,
        *,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> BackupContents:
        """Put what ``file`` holds into this store, all or nothing; an older file is migrated."""
        with _opened(file) as source, source.read() as reading:
            files = _restore_files(reading, blobs, progress)
            with self._database.migration() as writing:
                _make_room(writing, replace)
                rows = {
                    table.name: copy_table(reading, writing, table, progress)
                    for table in metadata.sorted_tables
                }
                if not self._database.is_sqlite:
                    _continue_numbers(writing)
        return BackupContents(rows, files)

    def usage(self) -> list[TableUsage]:
        """Of every table."""
        with self._database.read() as connection:
            sizes = _table_bytes(connection, is_sqlite=self._database.is_sqlite)
            return [
                TableUsage(table.name, _count(connection, table), sizes.get(table.name))
                for table in metadata.sorted_tables
            ]

    def _write(self, part: Path, blobs: BlobStore, progress: Progress | None) -> BackupContents:
        target = Database(f"sqlite:///{part}")
        try:
            migrate(target, part.parent)
            with self._database.snapshot() as reading, target.migration() as writing:
                rows = {
                    table.name: copy_table(reading, writing, table, progress)
                    for table in metadata.sorted_tables
                }
                own.create_all(writing)
                files = _save_files(writing, blobs, progress)
                made = datetime.now(UTC).isoformat(timespec="seconds")
                writing.execute(insert(info), {"name": "created_at", "value": made})
        finally:
            target.close()  # which also empties the log beside the file and removes it
        return BackupContents(rows, files)


@contextmanager
def _opened(file: Path) -> Iterator[Database]:
    """A copy of the backup, up to date."""
    if not file.is_file():
        raise InputError(f"There is no file {file}.")
    with file.open("rb") as opened:
        if not opened.read(16).startswith(b"SQLite format 3"):
            raise InputError(f"{file} is no backup of this app.")
    with TemporaryDirectory(prefix="prompt-app-restore-") as folder:
        copy = Path(folder) / "backup.sqlite3"
        shutil.copyfile(file, copy)
        source = Database(f"sqlite:///{copy}")
        try:
            _check_whole(source, file)
            with source.read() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    raise InputError(f"{file} is no backup of this app.")
            migrate(source, Path(folder) / "before")
            yield source
        finally:
            source.close()


def _check_whole(source: Database, file: Path) -> None:
    """Raises InputError that names ``file``, not the copy of it that is looked at."""
    try:
        with source.read() as connection:
            found = str(connection.scalar(text("PRAGMA quick_check(1)")))
    except StoreError:
        found = "it cannot be read as a database"
    if found != "ok":
        raise InputError(
            f"{file} is damaged or was cut off: {found}. Nothing was restored; take another backup."
        )


def _make_room(connection: Connection, replace: bool) -> None:
    held = {t.name: n for t in metadata.sorted_tables if (n := _count(connection, t))}
    if held and not replace:
        listed = ", ".join(f"{count:,} {name}" for name, count in held.items())
        raise ConflictError(
            f"The store is not empty ({listed}). Restore into an empty one, or say that what it "
            "holds is to be replaced."
        )
    at_work = connection.scalar(
        select(func.count()).select_from(runs).where(runs.c.state == "running")
    )
    if at_work:
        raise ConflictError(
            f"Workers are at work on {at_work} runs, which a restore would take from under them. "
            "Pause or cancel these runs first."
        )
    for table in reversed(metadata.sorted_tables):
        if table.name in held:
            connection.execute(delete(table))


def _continue_numbers(connection: Connection) -> None:
    """PostgreSQL's sequences do not see numbers that were given."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        highest = connection.scalar(select(func.max(column)))
        if highest is not None:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"),
                {"table": table.name, "column": column.name, "highest": highest},
            )


def _save_files(connection: Connection, blobs: BlobStore, progress: Progress | None) -> int:
    done = 0
    for key in blobs.list():
        try:
            opened = blobs.open(key)
        except BlobError:
            if blobs.exists(key):
                raise
            continue  # deleted since it was listed
        with opened as data:
            number, content = 0, data.read(PART_BYTES)
            while content or number == 0:  # an empty file has a part, too
                row = {"key": key, "part": number, "data": content}
                connection.execute(insert(file_parts), row)
                number, content = number + 1, data.read(PART_BYTES)
        done += 1
        if progress is not None:
            progress("files", done)
    return done


def _restore_files(connection: Connection, blobs: BlobStore, progress: Progress | None) -> int:
    if not inspect(connection).has_table(file_parts.name):
        return 0  # a store's own file
    keys = connection.scalars(select(file_parts.c.key).distinct().order_by(file_parts.c.key)).all()
    for done, key in enumerate(keys, start=1):
        parts = connection.execution_options(stream_results=True).scalars(
            select(file_parts.c.data).where(file_parts.c.key == key).order_by(file_parts.c.part)
        )
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as whole:
            for content in parts:
                whole.write(content)
            whole.seek(0)
            blobs.put(key, cast(BinaryIO, whole))
        if progress is not None:
            progress("files", done)
    return len(keys)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def _table_bytes(connection: Connection, *, is_sqlite: bool) -> dict[str, int]:
    if not is_sqlite:
        sizes = text(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
        return {name: int(size) for name, size in connection.execute(sizes)}
    options = connection.exec_driver_sql("PRAGMA compile_options").scalars()
    if "ENABLE_DBSTAT_VTAB" not in list(options):
        return {}
    sizes = text(
        "SELECT tbl_name, SUM(pgsize) FROM dbstat JOIN sqlite_master USING (name) GROUP BY 1"
    )
    return {name: int(size) for name, size in connection.execute(sizes)}
