"""Stored replies as a cache, and what was learned of models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from prompt_app.datamodel.model import Reply
from prompt_app.interfaces import StoredReply
from prompt_app.storage.database import in_chunks
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.model_tables import model_limits
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import replies

_ANY_REPLY = "SELECT 1 FROM replies WHERE cache_key = ? LIMIT 1"


class Replies(StorePart):
    """The part of the store that finds replies and remembers models' limits."""

    def find_replies(self, cache_keys: Sequence[str]) -> dict[str, StoredReply]:
        """The newest reply for each key that has one."""
        found: dict[str, StoredReply] = {}
        with self._database.read() as connection:
            for some in in_chunks(cache_keys):
                query = select(replies).where(replies.c.cache_key.in_(some))
                newest: dict[str, Row[Any]] = {}
                for row in connection.execute(query):
                    other = newest.get(row.cache_key)
                    if other is None or (row.created_at, row.id) > (other.created_at, other.id):
                        newest[row.cache_key] = row
                found.update((key, _stored_reply(row)) for key, row in newest.items())
        return found

    def surely_no_reply(self, cache_key: str) -> bool:
        """Whether no reply has the key, as far as that can be told without waiting."""
        peeker = self._database.peeker
        return peeker is not None and peeker.finds(_ANY_REPLY, cache_key) is False

    def answered_keys(self, cache_keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a reply."""
        found: set[str] = set()
        key = replies.c.cache_key
        with self._database.read() as connection:
            for some in in_chunks(list(dict.fromkeys(cache_keys))):
                query = select(key).distinct().where(key.in_(some))
                found.update(connection.scalars(query))
        return found

    def save_reply(self, stored: StoredReply) -> None:
        """Keep a reply that no run's batch brings."""
        with self._database.write() as connection:
            connection.execute(
                insert(replies),
                {
                    "id": stored.id,
                    "cache_key": stored.cache_key,
                    "latency_seconds": stored.reply.latency_seconds,
                    "cost_usd": stored.cost_usd,
                    "created_at": stored.created_at or datetime.now(UTC),
                    "folded": stored.reply.text.casefold(),
                    "reply": dump_record(stored.reply),
                },
            )

    def learn_unsupported(self, model: str, parameter: str, message: str) -> None:
        """Remember that ``model`` (its reference) does not take ``parameter``."""

        def save(connection: Connection) -> None:
            known = (model_limits.c.model == model) & (model_limits.c.parameter == parameter)
            connection.execute(delete(model_limits).where(known))
            connection.execute(
                insert(model_limits),
                {"model": model, "parameter": parameter, "message": message},
            )

        self._database.write_retrying(save)

    def learned_unsupported(self, model: str) -> dict[str, str]:
        """Parameter -> the provider's message."""
        query = select(model_limits).where(model_limits.c.model == model)
        with self._database.read() as connection:
            return {row.parameter: row.message for row in connection.execute(query)}


def _stored_reply(row: Row[Any]) -> StoredReply:
    return StoredReply(
        id=row.id,
        cache_key=row.cache_key,
        reply=load_record(Reply, row.reply),
        cost_usd=row.cost_usd,
        created_at=row.created_at,
    )
