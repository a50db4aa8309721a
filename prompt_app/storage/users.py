"""PostgreSQL users that read and write the store's rows, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.errors import Error

from prompt_app.errors import SettingsError, StoreError
from prompt_app.storage.database import Database


def make_users(database: Database, passwords: Mapping[str, str]) -> None:
    """Make each user of ``passwords``, or give it this password and the rights on all tables that
    there are now.

    They cannot make, change or drop tables or users. Raises SettingsError where the store is no
    PostgreSQL, StoreError where the database refuses.
    """
    if not passwords:
        return
    if database.is_sqlite:
        raise SettingsError(
            "PROMPT_APP_DATABASE_USERS is for PostgreSQL, and the store is SQLite, which has no "
            "users. Leave it out, or set DATABASE_URL."
        )
    try:
        with database.migration() as connection:
            driver: Any = connection.connection.driver_connection
            for name, password in passwords.items():
                _make(driver, name, password)
    except Error as error:
        reason = str(error).partition("\n")[0]
        raise StoreError(
            f"The database users {', '.join(passwords)} could not be made in {database.place}: "
            f"{reason}. DATABASE_URL has to name a user who may create others and owns the tables."
        ) from error


def _make(driver: Any, name: str, password: str) -> None:
    # As the server stores it, so that no log of statements shows the password.
    verifier = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    user = sql.Identifier(name)
    found = driver.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    statements = [
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("ALTER" if found else "CREATE"), user, sql.Literal(verifier.decode())
        ),
        *(
            sql.SQL(grant).format(user)
            for grant in (
                "GRANT USAGE ON SCHEMA public TO {}",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
                "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {}",
                "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {}",
            )
        ),
    ]
    for statement in statements:
        driver.execute(statement)
