"""Bringing a store's tables to the state that this version of the app works with.

A migration runs in one transaction, tables and data alike, so that one that fails leaves the
store as it was, on SQLite and on PostgreSQL. Before it changes an SQLite store that is in use,
the file is copied into the backup folder; a PostgreSQL store is backed up by its operator's own
means, and relies on the transaction here.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from prompt_app.errors import SchemaError, StoreUnavailableError
from prompt_app.storage.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0016"
"""The newest revision in ``migrations/versions``; a test compares it with alembic's own answer.
Reading it here saves the import of alembic for a store that is up to date."""

KEPT_BACKUPS = 5
_POSTGRESQL_LOCK = 7_301_942_001
_log = logging.getLogger(__name__)


def migrate(database: Database, backups: Path, scripts: Path | None = None) -> None:
    """Apply what is missing; two processes that try at once take turns.

    Raises SchemaError when a migration fails or the store is newer than this app.
    """
    if _revision(database) == HEAD and scripts is None:
        return
    from alembic.script import ScriptDirectory

    config = alembic_config(scripts)
    directory = ScriptDirectory.from_config(config)
    known = {script.revision for script in directory.walk_revisions()}
    head = directory.get_current_head()
    present = _revision(database)
    if present == head:
        return
    if present is not None and present not in known:
        raise SchemaError(
            f"The store {database.place} has the schema {present!r}, which this version of the "
            "app does not know: a newer version wrote it. Update the app, or use another store."
        )
    if database.is_sqlite and present is not None:
        _back_up(Path(str(database.url.database)), backups, present)
    _upgrade(database, config, head)
    if present is None:
        _log.info("The store %s was made.", database.place)
    else:
        _log.info("The store %s was migrated from %s to %s.", database.place, present, head)


def alembic_config(scripts: Path | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts or Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(database: Database) -> str | None:
    """The store's schema; None for a store without any."""
    with database.read() as connection:
        return _revision_in(connection)


def _revision_in(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(database: Database, config: Config, head: str | None) -> None:
    from alembic import command

    try:
        with database.migration() as connection:
            if not database.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
            if _revision_in(connection) == head:
                return  # another process was first
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except StoreUnavailableError:
        raise
    except Exception as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise SchemaError(
            f"The migration of the store {database.place} failed and was undone: {cause}"
        ) from error


def _back_up(file: Path, backups: Path, revision: str) -> None:
    """A copy that is whole even while others write; the oldest of more than five go."""
    try:
        backups.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        target = backups / f"{file.stem}-{stamp}-schema-{revision}.sqlite3"
        part = target.with_suffix(".part")
        source = sqlite3.connect(file)
        copy = sqlite3.connect(part)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        part.replace(target)
        copies = sorted(backups.glob(f"{file.stem}-*-schema-*.sqlite3"))
        for old in copies[:-KEPT_BACKUPS]:
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise SchemaError(
            f"The store {file} needs a migration, but its backup into {backups} failed, "
            f"so that nothing was changed: {error}"
        ) from error
    _log.info("The store was backed up to %s.", target)
