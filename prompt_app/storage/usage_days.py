"""Each day's sums over the gateway's calls, kept by whoever writes calls: a month of them is added
up from its days, not call by call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    bindparam,
    select,
)
from sqlalchemy.sql.dml import Insert

from prompt_app.datamodel.serving import UsageFilter, UsageRecord
from prompt_app.storage.database import Database, in_chunks
from prompt_app.storage.serving_tables import usage_records
from prompt_app.storage.tables import metadata

KEYS = ("day", "token", "person", "target", "prompt")
COUNTS = ("calls", "failed", "cached", "input_tokens", "output_tokens", "answered")
SUMS = ("cost_usd", "saved_usd", "latency_ms")

usage_days = Table(
    "usage_days",
    metadata,
    *(Column(name, Text, nullable=False) for name in KEYS),
    *(Column(name, BigInteger, nullable=False) for name in COUNTS),
    *(Column(name, Double, nullable=False) for name in SUMS),  # latency: of the answered
    PrimaryKeyConstraint(*KEYS),
)


_KNOWN = select(usage_records.c.id).where(usage_records.c.id.in_(bindparam("ids", expanding=True)))


def new_calls(connection: Connection, records: Iterable[UsageRecord]) -> list[UsageRecord]:
    """Those that are not stored yet, each once."""
    new = {record.id: record for record in records}
    for some in in_chunks(list(new)):
        for known_id in connection.scalars(_KNOWN, {"ids": some}).all():
            del new[known_id]
    return list(new.values())


def adding_to_days(database: Database) -> Insert:
    """The statement of :func:`add_to_days`, which is the same for every call."""
    if database.is_sqlite:
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    statement = insert(usage_days)
    added = {name: usage_days.c[name] + statement.excluded[name] for name in (*COUNTS, *SUMS)}
    return statement.on_conflict_do_update(index_elements=KEYS, set_=added)


def add_to_days(connection: Connection, adding: Insert, new: Iterable[UsageRecord]) -> None:
    """In the order of the keys, so that writers at the same time wait for each other in turn."""
    calls: dict[tuple[str, ...], list[UsageRecord]] = {}
    for record in new:
        day = _day(record.at.astimezone(UTC))
        key = (day, record.token, record.person, record.target, record.prompt)
        calls.setdefault(key, []).append(record)
    for keys in sorted(calls):
        of_key = dict(zip(KEYS, keys, strict=True))
        connection.execute(adding, {**of_key, **_sums(calls[keys])})


def whole_days(which: UsageFilter) -> Select[Any] | None:
    """The days of the filter; None where it cuts through a day, or asks for single calls."""
    query = select(usage_days)
    for moment, is_inside in ((which.since, "__ge__"), (which.until, "__lt__")):
        if moment is None:
            continue
        at = moment.astimezone(UTC)
        if at.timetz() != time(tzinfo=UTC):
            return None
        query = query.where(getattr(usage_days.c.day, is_inside)(_day(at)))
    if which.failed:
        return None
    columns = {"person": "person", "token": "token", "model": "target", "prompt": "prompt"}
    for name, column in columns.items():
        if wanted := getattr(which, name):
            query = query.where(usage_days.c[column] == wanted)
    return query


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _sums(calls: Sequence[UsageRecord]) -> dict[str, Any]:
    answered = [call for call in calls if call.status < 400]
    return {
        "calls": len(calls),
        "failed": len(calls) - len(answered),
        "cached": sum(call.cached for call in calls),
        "input_tokens": sum(call.input_tokens for call in calls),
        "output_tokens": sum(call.output_tokens for call in calls),
        "answered": len(answered),
        "cost_usd": sum(call.cost_usd for call in calls),
        "saved_usd": sum(call.saved_usd for call in calls),
        "latency_ms": sum(call.latency_ms for call in answered),
    }
