"""Bringing a store's tables to the state that this version of the app works with.

A migration runs in one transaction, tables and data alike, so that one that fails leaves the
store as it was, on SQLite and on PostgreSQL. Before it changes a store that is in use, that is
copied into the backup folder.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from prompt_app.errors import SchemaError, StoreUnavailableError
from prompt_app.storage.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0019"
"""The newest revision in ``migrations/versions``; a test compares it with alembic's own answer.
Reading it here saves the import of alembic for a store that is up to date."""

_POSTGRESQL_LOCK = 7_301_942_001
_log = logging.getLogger(__name__)


def migrate(database: Database, backups: Path | None, scripts: Path | None = None) -> None:
    """Apply what is missing; two processes that try at once take turns. A store that holds
    something is copied into the folder ``backups`` first, where one is given.

    Raises SchemaError when a migration fails or the store is newer than this app.
    """
    if _revision(database) == HEAD and scripts is None:
        return
    from alembic.script import ScriptDirectory

    config = alembic_config(scripts)
    directory = ScriptDirectory.from_config(config)
    known = {script.revision for script in directory.walk_revisions()}
    head = str(directory.get_current_head())
    present = _revision(database)
    if present == head:
        return
    if present is not None and present not in known:
        raise SchemaError(
            f"The store {database.place} has the schema {present!r}, which this version of the "
            "app does not know: a newer version wrote it. Update the app, or use another store."
        )
    _upgrade(database, config, head, None if present is None else backups)
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


def _upgrade(database: Database, config: Config, to: str, backups: Path | None) -> None:
    from alembic import command

    try:
        with database.migration() as connection:
            if not database.is_sqlite:
                # However long the one before takes.
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
            present = _revision_in(connection)
            if present == to:
                return  # another process was first
            if backups is not None and present is not None:
                _back_up(database, config, present, backups)
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except (StoreUnavailableError, SchemaError):
        raise
    except Exception as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise SchemaError(
            f"The migration of the store {database.place} failed and was undone: {cause}"
        ) from error


def _back_up(database: Database, config: Config, revision: str, backups: Path) -> None:
    from prompt_app.storage.migration_backup import back_up

    back_up(database, backups, revision, lambda copy, to: _upgrade(copy, config, to, None))
