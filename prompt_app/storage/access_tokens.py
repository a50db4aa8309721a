"""Access tokens, aliases and assistants, and a count of their changes for a running gateway."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Table, delete, func, insert, or_, select, update

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.project import ItemKind
from prompt_app.datamodel.serving import AccessToken, Assistant, KeptToken, ModelRoute
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.interfaces import Page
from prompt_app.registry import nearest_names
from prompt_app.storage.encoding import AnyRecord, dump_record, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.project_tables import forget_item
from prompt_app.storage.serving_tables import (
    access_tokens,
    assistants,
    model_routes,
    serving_changes,
)


class _Changes:
    """Of this process, whichever store object they were made through."""

    here = 0


def changed_here() -> None:
    """Let this process's own gateway take note at once, after the change is stored."""
    _Changes.here += 1


class Serving(StorePart):
    """The part of the store that says who may call what."""

    @property
    def serving_changes_here(self) -> int:
        """Changes that this process made."""
        return _Changes.here

    def save_token(self, kept: KeptToken) -> None:
        token = kept.token
        row = {
            "id": token.id,
            "owner": token.owner,
            "secret_hash": kept.secret_hash,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "revoked_at": token.revoked_at,
            "record": dump_record(token),
        }
        with self._database.write() as connection:
            connection.execute(insert(access_tokens), row)
            count_change(connection)
        _Changes.here += 1

    def change_token(self, token: AccessToken, secret_hash: bytes | None = None) -> None:
        """Replaces the one of that id, and its secret where one is given. A revoked token is not
        changed: raises ConflictError."""
        values: dict[str, Any] = {"expires_at": token.expires_at, "record": dump_record(token)}
        if secret_hash is not None:
            values["secret_hash"] = secret_hash
        with self._database.write() as connection:
            if _token(connection, token.id).revoked_at is not None:
                raise ConflictError(f"The token {token.id} is revoked. Make a new one.")
            changed = update(access_tokens).where(access_tokens.c.id == token.id)
            connection.execute(changed.values(values))
            count_change(connection)
        _Changes.here += 1

    def revoke_token(self, token_id: str, at: datetime) -> AccessToken:
        """A token that is revoked already stays as it is."""
        with self._database.write() as connection:
            token = _token(connection, token_id)
            if token.revoked_at is not None:
                return token
            revoked = token.model_copy(update={"revoked_at": at})
            connection.execute(
                update(access_tokens).where(access_tokens.c.id == token_id),
                {"revoked_at": at, "record": dump_record(revoked)},
            )
            count_change(connection)
        _Changes.here += 1
        return revoked

    def get_token(self, token_id: str) -> AccessToken:
        with self._database.read() as connection:
            return _token(connection, token_id)

    def list_tokens(
        self, owner: str | None = None, *, offset: int = 0, limit: int | None = 50
    ) -> Page[AccessToken]:
        """Newest first; without a ``limit`` all of them."""
        wanted = [] if owner is None else [access_tokens.c.owner == owner]
        count = select(func.count()).select_from(access_tokens).where(*wanted)
        newest_first = access_tokens.c.created_at.desc(), access_tokens.c.id
        query = select(access_tokens.c.record).where(*wanted).order_by(*newest_first)
        with self._database.read() as connection:
            total = int(connection.scalar(count) or 0)
            records = connection.scalars(query.offset(offset).limit(limit)).all()
        return Page(tuple(load_record(AccessToken, each) for each in records), total, offset)

    def usable_tokens(self, now: datetime) -> list[KeptToken]:
        """Those that may be presented."""
        columns = access_tokens.c
        query = select(columns.secret_hash, columns.record).where(
            columns.revoked_at.is_(None),
            or_(columns.expires_at.is_(None), columns.expires_at > now),
        )
        with self._database.read() as connection:
            return [_kept(row) for row in connection.execute(query)]

    def serving_revision(self) -> int:
        """Grows with every change of tokens, aliases and assistants."""
        with self._database.read() as connection:
            return int(connection.scalar(select(serving_changes.c.revision)) or 0)

    def save_route(
        self, route: ModelRoute, *, based_on: ModelRoute | Literal["any"] | None = "any"
    ) -> None:
        """Replaces the one of that name, which must be ``based_on`` still."""
        self._replace(model_routes, route, based_on, "alias")

    def delete_route(self, name: str) -> None:
        self._delete(model_routes, name, "alias")

    def list_routes(self) -> list[ModelRoute]:
        return self._records(model_routes, ModelRoute)

    def save_assistant(
        self, assistant: Assistant, *, based_on: Assistant | Literal["any"] | None = "any"
    ) -> None:
        """Replaces the one of that name, which must be ``based_on`` still."""
        self._replace(assistants, assistant, based_on, "assistant")

    def delete_assistant(self, name: str) -> None:
        self._delete(assistants, name, "assistant")

    def list_assistants(self) -> list[Assistant]:
        return self._records(assistants, Assistant)

    def _replace(
        self,
        table: Table,
        record: ModelRoute | Assistant,
        based_on: Record | Literal["any"] | None,
        what: ItemKind,
    ) -> None:
        here = table.c.name == record.name

        def save(connection: Connection) -> None:
            query = select(table.c.record).where(here).with_for_update()
            text = connection.scalar(query)
            present = None if text is None else load_record(type(record), text)
            if based_on not in ("any", present) and present != record:
                raise _changed(what, record.name, present is None)
            connection.execute(delete(table).where(here))
            connection.execute(insert(table), {"name": record.name, "record": dump_record(record)})
            count_change(connection)

        self._database.write_retrying(save)
        _Changes.here += 1

    def _delete(self, table: Table, name: str, what: ItemKind) -> None:
        with self._database.write() as connection:
            if not connection.execute(delete(table).where(table.c.name == name)).rowcount:
                known = connection.scalars(select(table.c.name))
                raise UnknownNameError(what, name, nearest_names(name, known))
            forget_item(connection, what, name)
            count_change(connection)
        _Changes.here += 1

    def _records(self, table: Table, kind: type[AnyRecord]) -> list[AnyRecord]:
        with self._database.read() as connection:
            texts = connection.scalars(select(table.c.record).order_by(table.c.name))
            return [load_record(kind, text) for text in texts]


def _changed(what: str, name: str, is_gone: bool) -> ConflictError:
    how = "was deleted" if is_gone else "was changed by somebody else"
    return ConflictError(
        f"The {what} {name!r} {how} since you began. Nothing was saved: look at the difference "
        "first."
    )


def count_change(connection: Connection) -> None:
    """Let a running gateway, of any process, take note."""
    counted = update(serving_changes).values(revision=serving_changes.c.revision + 1)
    if not connection.execute(counted).rowcount:
        connection.execute(insert(serving_changes), {"id": 1, "revision": 1})


def _token(connection: Connection, token_id: str) -> AccessToken:
    text = connection.scalar(select(access_tokens.c.record).where(access_tokens.c.id == token_id))
    if text is None:
        known = connection.scalars(select(access_tokens.c.id))
        raise UnknownNameError("token", token_id, nearest_names(token_id, known))
    return load_record(AccessToken, text)


def _kept(row: Any) -> KeptToken:
    return KeptToken(load_record(AccessToken, row.record), bytes(row.secret_hash))
