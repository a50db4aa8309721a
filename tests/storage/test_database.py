from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from prompt_app.errors import SettingsError
from prompt_app.settings import Settings
from prompt_app.storage import open_blob_store, open_store
from prompt_app.storage.database import Database
from prompt_app.storage.store import SqlStore


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://root:secret@host/db",
        "http://user:secret@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "unheard-of+driver://a:secret@b/c",
        "postgresql://user:secret@host:port/db",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL must be") as raised:
        open_store(Settings(data_dir=tmp_path, database_url=SecretStr(url)))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_all_names_of_postgresql_mean_the_driver_that_is_installed(scheme: str) -> None:
    database = Database(f"{scheme}://me:pw@host/db")
    assert database.url.drivername == "postgresql+psycopg"
    assert database.place == "postgresql+psycopg://me:***@host/db"


def test_sqlite_is_set_to_survive_a_power_cut(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/deep/folder/x.sqlite3")
    with database.write() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert found == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000,
    }  # fmt: skip


def test_a_write_that_breaks_is_undone(store: SqlStore) -> None:
    def breaking() -> None:
        with store._database.write() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
            raise KeyError("no")

    with pytest.raises(KeyError):
        breaking()
    with store._database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_a_closed_store_may_be_closed_again(store: SqlStore) -> None:
    store.close()
    store.close()


def test_the_files_address(tmp_path: Path) -> None:
    assert type(open_blob_store(Settings(data_dir=tmp_path))).__name__ == "FolderBlobStore"
    in_bucket = Settings(data_dir=tmp_path, blob_url="s3://bucket/some/prefix")
    assert type(open_blob_store(in_bucket)).__name__ == "S3BlobStore"
    for wrong in ("s3://", "http://bucket/x"):
        with pytest.raises(SettingsError, match="PROMPT_APP_BLOB_URL"):
            open_blob_store(Settings(data_dir=tmp_path, blob_url=wrong))
