"""Every test that asks for ``settings`` or ``store`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from servers import PostgresServer

from prompt_app.settings import Settings
from prompt_app.storage import open_store
from prompt_app.storage.store import SqlStore
from prompt_app.storage.tables import metadata

Opener = Callable[..., SqlStore]


def settings_for(folder: Path, url: str | None, **changes: object) -> Settings:
    address = None if url is None else SecretStr(url)
    return Settings.model_validate(
        {"data_dir": folder, "database_url": address, "lease_seconds": 15, **changes}
    )


def migrated(settings: Settings) -> Settings:
    open_store(settings).close()
    return settings


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file: copying it is much faster than migrating anew."""
    folder = tmp_path_factory.mktemp("template")
    migrated(settings_for(folder, None))
    return folder / "prompt-app.sqlite3"


@pytest.fixture(scope="session")
def postgres_database(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A migrated database that the tests use one after another."""
    name = postgres_server.create_database()
    migrated(settings_for(tmp_path_factory.mktemp("none"), postgres_server.url(name)))
    return name


@pytest.fixture
def sqlite_settings(sqlite_template: Path, tmp_path: Path) -> Settings:
    shutil.copy(sqlite_template, tmp_path / "prompt-app.sqlite3")
    return settings_for(tmp_path, None)


@pytest.fixture
def postgres_settings(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> Settings:
    postgres_server.empty(postgres_database, [table.name for table in metadata.sorted_tables])
    return settings_for(tmp_path, postgres_server.url(postgres_database))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Of a migrated, empty store."""
    own = "sqlite_settings" if request.param == "sqlite" else "postgres_settings"
    found: Settings = request.getfixturevalue(own)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Of a database without any table."""
    if request.param == "sqlite":
        yield settings_for(tmp_path, None)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield settings_for(tmp_path, server.url(name))
    server.drop_database(name)


@pytest.fixture
def open_another(settings: Settings) -> Iterator[Opener]:
    """Opens further store objects on the same database, as other processes have them."""
    opened: list[SqlStore] = []

    def open_one(**changes: object) -> SqlStore:
        store = open_store(settings.model_copy(update=changes))
        assert isinstance(store, SqlStore)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_another: Opener) -> SqlStore:
    return open_another()
