"""Transactions on SQLite or PostgreSQL, and what their errors mean."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.dml import Insert

from prompt_app.datamodel.project import EVERYTHING, Reach
from prompt_app.errors import (
    NameTakenError,
    PermissionDeniedError,
    StoreError,
    StoreUnavailableError,
)
from prompt_app.storage import engines
from prompt_app.storage.engines import (
    checked_url,
    postgresql_engine,
    sqlite_reader,
    sqlite_writer,
)
from prompt_app.storage.idling import CloseWhenIdle
from prompt_app.storage.peeking import Peeker
from prompt_app.storage.tables import Moment
from prompt_app.storage.turns import Turns

Result = TypeVar("Result")
Item = TypeVar("Item")

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

    def __init__(self, url: str, idle_seconds: float | None = None) -> None:
        """Connects to nothing yet. PostgreSQL's connections are closed when none of them has
        been used for ``idle_seconds``. Raises SettingsError for an address that is none."""
        self.url = checked_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.reader, self.writer = sqlite_reader(self.url), sqlite_writer(self.url)
        else:
            self.reader = self.writer = postgresql_engine(self.url)
            if idle_seconds is not None:
                CloseWhenIdle(self.writer, idle_seconds)
        self._turns = Turns() if self.is_sqlite else None
        self.peeker = Peeker(str(self.url.database)) if self.is_sqlite else None
        self._refuses_writes = False
        self._reach = EVERYTHING
        self._limited: dict[Engine, Engine] = {}

    def read_only(self) -> Database:
        """The same connections, for someone who may only read."""
        guarded = copy.copy(self)
        guarded._refuses_writes = True
        return guarded

    def reaching(self, reach: Reach) -> Database:
        """The same connections, for someone who sees no more than ``reach``."""
        limited = copy.copy(self)
        limited._reach = reach
        return limited

    @property
    def reach(self) -> Reach:
        """What this person sees."""
        return self._reach

    @property
    def place(self) -> str:
        """The database for people, without a password, wherever in the address that stands."""
        if self.is_sqlite:
            return str(self.url.database)
        return self.url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot on SQLite; on PostgreSQL each statement sees what is committed."""
        with self._translated_errors(), self._begin(self.reader) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read in which everything is as it is at the start, on PostgreSQL too."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        reader = self.reader.execution_options(**level)
        with self._translated_errors(), reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Everything inside is stored, or nothing. On SQLite the one write lock is taken at the
        start, so what is read inside stays true until the end."""
        with self._translated_errors(), self._turn(), self._begin(self.writer) as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(engines.let_go())
            yield connection

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """A write that may rebuild tables. SQLite rebuilds one by dropping it, which with foreign
        keys in force would delete the rows that point to it: they are checked at the end."""
        migrator = self.writer.execution_options(foreign_keys=False)
        try:
            with self._translated_errors(), self._turn(), migrator.begin() as connection:
                yield connection
                if self.is_sqlite:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise StoreError(f"rows of {broken[0]} point to no row of {broken[2]}")
        finally:
            self.writer.dispose()

    def write_retrying(self, action: Callable[[Connection], Result]) -> Result:
        """``action`` in a write transaction, again when a concurrent writer took the same unique
        key: it then finds the other's row."""
        for attempt in range(5):
            try:
                with self.write() as connection:
                    try:
                        return action(connection)
                    except IntegrityError as error:
                        raise _KeyTaken from error
            except _KeyTaken as taken:
                if attempt == 4:
                    if self._reach != EVERYTHING:
                        raise NameTakenError("This name is taken. Choose another one.") from taken
                    raise StoreError(f"The store refused a row: {taken.__cause__}") from taken
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
        return at if self._process_time is None else self._process_time(at)

    @cached_property
    def _process_time(self) -> Callable[[datetime], Any] | None:
        dialect = self.writer.dialect
        return Moment().dialect_impl(dialect).bind_processor(dialect)

    def close(self) -> None:
        self.reader.dispose()
        self.writer.dispose()
        if self.peeker is not None:
            self.peeker.close()

    def translate(self, error: Exception) -> StoreError:
        """The error of this package that says what ``error`` of the database means."""
        if isinstance(error, PoolTimeoutError | TimeoutError):
            return self._unavailable("other calls of this process hold it")
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
    def _begin(self, engine: Engine) -> Iterator[Connection]:
        """A transaction that sees no more than it may."""
        if self._reach == EVERYTHING:
            with engine.begin() as connection:
                yield connection
            return
        from prompt_app.storage.limiting import REACH, limiting

        limited = self._limited.get(engine) or self._limited.setdefault(engine, limiting(engine))
        with limited.begin() as connection:
            yield connection.execution_options(**{REACH: self._reach})

    def _turn(self) -> AbstractContextManager[None]:
        """Every write begins with it."""
        if self._refuses_writes:
            raise PermissionDeniedError(
                "Your role allows reading only. Whoever manages the logins can change that."
            )
        return nullcontext() if self._turns is None else self._turns.turn(engines.LOCK_WAIT_SECONDS)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeoutError, TimeoutError) as error:
            raise self.translate(error) from error


class _KeyTaken(Exception):
    """Another writer was first to use a unique key."""


class BulkInsert:
    """An insert of many rows that is compiled once.

    SQLAlchemy's own way works out every row's parameters anew, which costs more than what SQLite
    does with them. Values are given as the database takes them.

    SQLite gets many rows in one statement: its driver gives Python's lock back and asks for it
    again once a statement, and beside a busy event loop each time waits for its turn.
    """

    def __init__(self, database: Database, statement: Insert) -> None:
        dialect = database.writer.dialect
        self._columns = [
            column.name
            for column in statement.table.columns
            if column.name != "number"  # that the database gives
        ]
        self._text = str(statement.compile(dialect=dialect, column_keys=self._columns))
        self._many = ""
        """As many rows at a time as :attr:`_together`; empty where the driver takes one."""
        self._together = MOST_PARAMETERS // len(self._columns)
        if dialect.positional:
            row = f"({', '.join('?' * len(self._columns))})"
            head, values, tail = self._text.partition(row)
            assert values, self._text
            self._many = head + ", ".join([row] * self._together) + tail

    def __call__(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """``rows`` in the order of the table's columns."""
        if not rows:
            return
        if not self._many:
            named = [dict(zip(self._columns, row, strict=True)) for row in rows]
            connection.exec_driver_sql(self._text, named)
            return
        whole = len(rows) - len(rows) % self._together
        for some in in_chunks(rows[:whole], self._together):
            connection.exec_driver_sql(self._many, tuple(chain.from_iterable(some)))
        if whole < len(rows):
            connection.exec_driver_sql(self._text, list(rows[whole:]))


def in_chunks(items: Sequence[Item], size: int = MOST_PARAMETERS) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
