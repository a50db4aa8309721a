"""Real servers for tests: PostgreSQL and Redis of the tests' own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_NOT_FOUND = (
    "PostgreSQL is not installed: the storage tests need initdb and postgres "
    "(Debian: apt-get install postgresql; macOS: brew install postgresql)."
)


def postgresql_programs() -> Path:
    """The folder with initdb and postgres. Raises RuntimeError that names the package."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: -int(f.parent.name))
    if on_path:
        folders.insert(0, Path(on_path).resolve().parent)
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        folders.append(Path(told.stdout.strip()))
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError(_NOT_FOUND)


class PostgresServer:
    """A cluster in a temporary folder, on a unix socket there. Nothing of it is meant to
    survive, so that it need not wait for the disk."""

    def __init__(self, **settings: str) -> None:
        """``settings``: of the server, beyond those that every test has."""
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._databases = count(1)
        self._owner = _unprivileged_user()
        try:
            self._process = self._start(postgresql_programs())
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    @property
    def unix_socket(self) -> Path:
        return self._folder / ".s.PGSQL.5432"

    def create_database(self) -> str:
        """The name of a new database."""
        name = f"test_{next(self._databases)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
        self.execute(create.format(sql.Identifier(name)))
        return name

    def empty(self, database: str, tables: Sequence[str]) -> None:
        """Remove all rows, and end the connections that an earlier test left."""
        self.end_connections(database)
        with self.connect(database) as connection:
            names = sql.SQL(", ").join(sql.Identifier(table) for table in tables)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(names))

    def end_connections(self, database: str) -> None:
        """As a restart or a failover does."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database],
            )

    def drop_database(self, name: str) -> None:
        """Also while connections are left."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.Composed) -> None:
        with self.connect() as connection:
            connection.execute(statement)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._folder), user="postgres", dbname=database, autocommit=True
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, programs: Path) -> subprocess.Popen[bytes]:
        data = self._folder / "data"
        if self._owner is not None:
            shutil.chown(self._folder, self._owner)
        command = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(
            [*command, "--no-sync", "--locale=C.UTF-8"],
            capture_output=True, text=True, check=False, user=self._owner, cwd=self._folder,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr.strip()}")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "max_connections": "200",
            **self._settings,
        }
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                stdout=log, stderr=log, user=self._owner, cwd=self._folder,
            )  # fmt: skip
        self._wait_for(process)
        return process

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    log = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log}") from error
                time.sleep(0.02)


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; None when the tests do not run as root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Redis on a port of its own; keeps nothing on disk, so that a restart loses its queues."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="redis-")
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns when it answers. Raises RuntimeError where Redis is not installed."""
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("Redis is not installed (Debian: apt-get install redis-server).")
        command = [program, "--port", str(self.port), "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("Redis did not start.") from None
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class SqsServer:
    """moto's SQS in a process of its own, on a port of its own; a restart loses its queues."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("moto's server did not start.") from None
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
