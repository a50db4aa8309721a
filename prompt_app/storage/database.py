"""The connection to SQLite or PostgreSQL: engine, transactions, and what their errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.dml import Insert

from prompt_app.errors import SettingsError, StoreError, StoreUnavailableError
from prompt_app.storage.tables import Moment

Result = TypeVar("Result")
Item = TypeVar("Item")

LOCK_WAIT_SECONDS = 5.0
"""How long a call waits for a lock that another holds before it gives up."""
LARGEST_NUMBER = 2**31 - 1
"""That a column of type Integer holds on PostgreSQL."""
MOST_PARAMETERS = 900
"""Values in one ``IN (...)``."""

_SQLITE_WAITING = {
    sqlite3.SQLITE_BUSY: "it is locked by another process",
    sqlite3.SQLITE_LOCKED: "it is locked by another connection",
    sqlite3.SQLITE_PROTOCOL: "it is locked by another process",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "its disk could not be read or written",
    sqlite3.SQLITE_CANTOPEN: "its file could not be opened",
    sqlite3.SQLITE_READONLY: "its file is read-only",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
}
_POSTGRESQL_WAITING = ("08", "25006", "40", "53", "55", "57")
"""SQLSTATEs of lost connections, a standby, deadlocks, full disks, locks and restarts."""


class Database:
    """Transactions on one database. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises SettingsError for an address that is none."""
        self.url = _checked_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        self._writer = self.engine.execution_options(writes=True)

    @property
    def place(self) -> str:
        """The database for people, without a password, wherever in the address that stands."""
        if self.is_sqlite:
            return str(self.url.database)
        return self.url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot on SQLite; on PostgreSQL each statement sees what is committed."""
        with self._translated_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Everything inside is stored, or nothing. On SQLite the one write lock is taken at the
        start, so what is read inside stays true until the end."""
        with self._translated_errors(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """A write that may rebuild tables. SQLite rebuilds one by dropping it, which with foreign
        keys in force would delete the rows that point to it: they are checked at the end."""
        migrator = self.engine.execution_options(writes=True, foreign_keys=False)
        try:
            with self._translated_errors(), migrator.begin() as connection:
                yield connection
                if self.is_sqlite:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise StoreError(f"rows of {broken[0]} point to no row of {broken[2]}")
        finally:
            self.engine.dispose()

    def write_retrying(self, action: Callable[[Connection], Result]) -> Result:
        """``action`` in a write transaction, again when a concurrent writer took the same unique
        key: it then finds the other's row."""
        for attempt in range(5):
            try:
                with self._writer.begin() as connection:
                    return action(connection)
            except IntegrityError as error:
                if attempt == 4:
                    raise StoreError(f"The store refused a row: {error.orig}") from error
            except (DBAPIError, PoolTimeoutError) as error:
                raise self.translate(error) from error
        raise AssertionError("unreachable")

    def insert_or_ignore(self, table: Table, *unique: str) -> Insert:
        """An insert that leaves a row with the same ``unique`` columns as it is."""
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table).on_conflict_do_nothing(index_elements=unique)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing(index_elements=unique)

    def stored_time(self, at: datetime) -> Any:
        """``at`` as a column of type Moment takes it."""
        process = Moment().dialect_impl(self.engine.dialect).bind_processor(self.engine.dialect)
        return at if process is None else process(at)

    def close(self) -> None:
        self.engine.dispose()

    def translate(self, error: Exception) -> StoreError:
        """The error of this package that says what ``error`` of the database means."""
        if isinstance(error, PoolTimeoutError):
            return self._unavailable("all its connections are in use")
        if not isinstance(error, DBAPIError):
            return StoreError(f"The store {self.place} failed: {error}")
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is not None:
            return self._translate_sqlite(error.orig, code & 0xFF)
        state = getattr(error.orig, "sqlstate", None) or ""
        lost = error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
        if lost or state.startswith(_POSTGRESQL_WAITING):
            return self._unavailable(" ".join(str(error.orig).split()))
        return StoreError(f"The store {self.place} failed: {error.orig}")

    def _translate_sqlite(self, cause: object, code: int) -> StoreError:
        if code in _SQLITE_WAITING:
            return self._unavailable(_SQLITE_WAITING[code])
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreError(
                f"The store {self.place} is damaged or no SQLite database ({cause}). "
                "Put back a file of the folder 'backups' beside it."
            )
        return StoreError(f"The store {self.place} failed: {cause}")

    def _unavailable(self, why: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"The store {self.place} does not answer now: {why}. "
            "Nothing was changed; the same call may succeed later."
        )

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeoutError) as error:
            raise self.translate(error) from error


class BulkInsert:
    """An insert of many rows that is compiled once.

    SQLAlchemy's own way works out every row's parameters anew, which costs more than what SQLite
    does with them. Values are given as the database takes them.
    """

    def __init__(self, database: Database, statement: Insert) -> None:
        dialect = database.engine.dialect
        self._columns = [
            column.name
            for column in statement.table.columns
            if column.name != "number"  # that the database gives
        ]
        self._text = str(statement.compile(dialect=dialect, column_keys=self._columns))
        self._positional = dialect.positional

    def __call__(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """``rows`` in the order of the table's columns."""
        if not rows:
            return
        if self._positional:
            connection.exec_driver_sql(self._text, list(rows))
        else:
            named = [dict(zip(self._columns, row, strict=True)) for row in rows]
            connection.exec_driver_sql(self._text, named)


def in_chunks(items: Sequence[Item], size: int = MOST_PARAMETERS) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _checked_url(url: str) -> URL:
    wanted = "DATABASE_URL must be sqlite:///file or postgresql+psycopg://user:password@host/name"
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # The message of the cause would show the address, which may hold a password.
        raise SettingsError(f"{wanted}; the one given cannot be read.") from None
    if backend == "postgres":
        backend = "postgresql"
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    raise SettingsError(f"{wanted}; got one for {backend}.")


def _sqlite_engine(url: URL) -> Engine:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=4,
        max_overflow=28,
        connect_args={"timeout": LOCK_WAIT_SECONDS, "isolation_level": None},
    )

    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            # FULL, because a reply that was paid for must survive a power cut.
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a writer fails at once when another wrote
        # meanwhile; an immediate one waits for its turn.
        options = connection.get_execution_options()
        if not options.get("foreign_keys", True):
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")

    event.listen(engine, "connect", set_pragmas)
    event.listen(engine, "begin", begin)
    return engine


def _postgresql_engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=4,
        max_overflow=28,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "tcp_user_timeout": 30_000,
            "application_name": "prompt-app",
            "options": f"-c lock_timeout={int(LOCK_WAIT_SECONDS * 1000)}",
        },
    )
