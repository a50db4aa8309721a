"""Connections to SQLite and PostgreSQL, and how they wait for locks."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from prompt_app.errors import SettingsError

LOCK_WAIT_SECONDS = 5.0
"""How long a call waits for a lock that another holds before it gives up."""
LET_GO_SECONDS = 15.0
"""A process that stands still in the middle of writing loses its locks to the others."""
CONNECT_SECONDS = 45
"""How long PostgreSQL may take to answer: an Aurora cluster that has paused needs about 15 s."""
WRITER_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # a reply that was paid for must survive a power cut
    "foreign_keys": "ON",
    "temp_store": "MEMORY",
    "journal_size_limit": "67108864",
}

_POSTGRESQL_SETTINGS = "-c jit=off -c work_mem=16MB"
"""Compiling a page's question takes longer than answering it; memory sorts the page's rows, and
puts many new texts into their index at once."""


def checked_url(url: str) -> URL:
    """``url`` with the driver that is installed. Raises SettingsError, without showing it."""
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


def sqlite_reader(url: URL) -> Engine:
    """Reads go on, each in its own snapshot, while another connection writes."""
    return _sqlite_engine(url, {"query_only": "ON"}, _begin_to_read, pool_size=4, max_overflow=28)


def sqlite_writer(url: URL) -> Engine:
    """One connection: SQLite takes one writer at a time, and the threads take turns."""
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    return _sqlite_engine(url, WRITER_PRAGMAS, _begin_to_write, pool_size=1, max_overflow=0)


def postgresql_engine(url: URL) -> Engine:
    """Connections are tried before use, so that a restart of the server goes unnoticed."""
    return create_engine(
        url,
        pool_size=4,
        max_overflow=28,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": 30_000,
            "application_name": "prompt-app",
            "options": f"-c lock_timeout={int(LOCK_WAIT_SECONDS * 1000)} {_POSTGRESQL_SETTINGS}",
        },
    )


def let_go() -> str:
    """What PostgreSQL is told at the beginning of a transaction that writes."""
    return f"SET LOCAL idle_in_transaction_session_timeout = {int(LET_GO_SECONDS * 1000)}"


def _sqlite_engine(
    url: URL, pragmas: dict[str, str], begin: Callable[[Connection], None], **pool: Any
) -> Engine:
    arguments = {"timeout": LOCK_WAIT_SECONDS, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, **pool)

    def set_pragmas(connection: Any, _record: Any) -> None:
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name}={value}")

    event.listen(engine, "connect", set_pragmas)
    event.listen(engine, "begin", begin)
    return engine


def _begin_to_read(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """Take the write lock at once: a transaction that turns into a writer only later fails when
    another has written meanwhile.

    Against other processes SQLite waits in steps of up to 0.1 s, which would rarely meet the
    short gaps that a busy worker leaves. Steps of a millisecond or two do.
    """
    if not connection.get_execution_options().get("foreign_keys", True):
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    driver: Any = connection.connection.dbapi_connection
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
            time.sleep(random.uniform(0.0005, 0.003))
        # So that what is wrong comes as SQLAlchemy's error.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={int(LOCK_WAIT_SECONDS * 1000)}")
