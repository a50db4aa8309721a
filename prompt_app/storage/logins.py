"""Logins that were ended before their time, and roles given here."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Table, Text, delete, insert, select

from prompt_app.datamodel.access import Role
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import Moment, metadata

ended_logins = Table(
    "ended_logins",
    metadata,
    Column("login", Text, primary_key=True),  # hash
    Column("ends_at", Moment, nullable=False),  # by itself
)
role_grants = Table(
    "role_grants",
    metadata,
    Column("email", Text, primary_key=True),  # in lower case
    Column("role", Text, nullable=False),
    Column("granted_at", Moment, nullable=False),
)


class Logins(StorePart):
    """The part of the store that keeps them."""

    def end_login(self, login: str, ends_at: datetime) -> None:
        """``login`` is refused from now on. Those that have ended by themselves are forgotten."""
        ignoring = self._database.insert_or_ignore(ended_logins, "login")
        with self._database.write() as connection:
            connection.execute(
                delete(ended_logins).where(ended_logins.c.ends_at < datetime.now(UTC))
            )
            connection.execute(ignoring, {"login": login, "ends_at": ends_at})

    def login_ended(self, login: str) -> bool:
        with self._database.read() as connection:
            found = select(ended_logins.c.login).where(ended_logins.c.login == login)
            return connection.scalar(found) is not None

    def grant_role(self, email: str, role: Role) -> None:
        """In place of the role that the address was given before."""

        def save(connection: Connection) -> None:
            connection.execute(delete(role_grants).where(role_grants.c.email == email.lower()))
            row = {"email": email.lower(), "role": role.value, "granted_at": datetime.now(UTC)}
            connection.execute(insert(role_grants), row)

        self._database.write_retrying(save)

    def granted_role(self, email: str) -> Role | None:
        with self._database.read() as connection:
            found = select(role_grants.c.role).where(role_grants.c.email == email.lower())
            role = connection.scalar(found)
        return None if role is None else Role(role)
