"""Looks into SQLite that cannot wait, for an event loop that must not."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class Peeker:
    """One connection of the driver's own: SQLAlchemy and a thread cost ten times the look itself.

    A reader of SQLite's write-ahead log waits for no writer; where it would have to wait all the
    same, or where there is no file yet, nothing is told. Safe to use from several threads.
    """

    def __init__(self, file: str) -> None:
        """Opens nothing yet."""
        self._file = file
        self._connection: sqlite3.Connection | None = None

    def finds(self, query: str, value: str) -> bool | None:
        """Whether ``query`` gives a row for ``value``; None where that cannot be told at once."""
        try:
            connection = self._connection or self._open()
            return connection.execute(query, (value,)).fetchone() is not None
        except sqlite3.Error:
            return None

    def close(self) -> None:
        """Safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        # Never makes the file.
        address = f"{Path(self._file).absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(
            address, uri=True, timeout=0, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=ON")
        self._connection = connection
        return connection
