"""Database users for an app that is not to own its tables."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from servers import PostgresServer
from sqlalchemy import text
from storage.conftest import settings_for

from prompt_app.errors import SettingsError, StoreError
from prompt_app.settings import Settings
from prompt_app.storage import migrate_store
from prompt_app.storage.database import Database
from prompt_app.storage.tables import metadata
from prompt_app.workbench import open_workbench

PASSWORD = "Correct-Horse-7-Battery"


@pytest.fixture
def owner(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Settings]:
    """Of an empty database, as its owner, who is no superuser, with two users to be made."""
    name = postgres_server.create_database()
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE ROLE {name}_owner LOGIN CREATEROLE")  # type: ignore[arg-type]
        connection.execute(f"ALTER DATABASE {name} OWNER TO {name}_owner")  # type: ignore[arg-type]
    url = postgres_server.url(name).replace("//postgres@", f"//{name}_owner@")
    users = {f"{name}_web": SecretStr(PASSWORD), f"{name}_worker": SecretStr("another")}
    yield settings_for(tmp_path, url, database_users=users)
    postgres_server.drop_database(name)
    with postgres_server.connect() as connection:
        for user in (*users, f"{name}_owner"):
            connection.execute(f"DROP ROLE IF EXISTS {user}")  # type: ignore[arg-type]


def as_user(owner: Settings, which: int) -> Settings:
    user = list(owner.database_users)[which]
    url = re.sub("//[^@]*@", f"//{user}@", owner.resolved_database_url)
    return owner.model_copy(update={"database_url": SecretStr(url), "database_users": {}})


def stored_password(server: PostgresServer, user: str) -> str:
    with server.connect() as connection:
        query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
        (found,) = connection.execute(query, [user]).fetchone() or ("",)
    return str(found)


@pytest.mark.parametrize("which", [0, 1])
async def test_they_run_an_evaluation_and_restore_a_backup(
    owner: Settings, which: int, tmp_path: Path
) -> None:
    migrate_store(owner)
    workbench = open_workbench(as_user(owner, which))
    try:
        workbench.load_examples()
        submission = workbench.submit_evaluation(workbench.example_evaluation())
        await workbench.work(asyncio.Event(), until_idle=True)
        runs = [workbench.run(run_id) for run_id in submission.run_ids]
        assert {run.state for run in runs} == {"finished"}
        workbench.backups.write(tmp_path / "all.promptapp")
        workbench.backups.restore(tmp_path / "all.promptapp", replace=True)
        assert {run.id for run in workbench.list_runs().items} == set(submission.run_ids)
    finally:
        workbench.close()


REFUSED = (
    "CREATE TABLE mine (id int)",
    "ALTER TABLE runs ADD COLUMN mine int",
    "DROP TABLE samples",
    "TRUNCATE samples",
    "CREATE ROLE other",
    "UPDATE alembic_version SET version_num = 'x'",
    "COPY runs TO PROGRAM 'cat'",
    "SELECT * FROM pg_authid",
)


def test_they_change_rows_alone(owner: Settings) -> None:
    migrate_store(owner)
    database = Database(as_user(owner, 0).resolved_database_url)
    refused = "permission denied|must be owner|must be superuser"
    for statement in REFUSED:
        with pytest.raises(StoreError, match=refused), database.write() as connection:
            connection.execute(text(statement))
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(text(f"DELETE FROM {table.name}"))
    database.close()


def test_a_second_time_gives_the_password_that_holds_now_and_no_log_shows_it(
    owner: Settings, postgres_server: PostgresServer
) -> None:
    user = next(iter(owner.database_users))
    with postgres_server.connect() as connection:
        database = user.removesuffix("_web")
        connection.execute(f"ALTER DATABASE {database} SET log_statement = 'all'")  # type: ignore[arg-type]
    migrate_store(owner)
    log = (postgres_server.unix_socket.parent / "log").read_text("utf-8")
    assert f'CREATE ROLE "{user}" LOGIN PASSWORD ' in log
    assert PASSWORD not in log
    first = stored_password(postgres_server, user)
    assert first.startswith("SCRAM-SHA-256$")
    assert PASSWORD not in first
    changed = {**owner.database_users, user: SecretStr("new")}
    migrate_store(owner.model_copy(update={"database_users": changed}))
    assert stored_password(postgres_server, user) not in ("", first)


def test_they_cannot_make_each_other(owner: Settings) -> None:
    migrate_store(owner)
    again = as_user(owner, 0).model_copy(update={"database_users": owner.database_users})
    with pytest.raises(StoreError, match=r"could not be made in .*denied") as caught:
        migrate_store(again)
    assert PASSWORD not in str(caught.value)


def test_sqlite_has_none(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, None, database_users={"web": SecretStr("x")})
    with pytest.raises(SettingsError, match="PROMPT_APP_DATABASE_USERS is for PostgreSQL"):
        migrate_store(settings)
