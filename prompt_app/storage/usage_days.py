"""Each day's sums over the gateway's calls, kept by whoever writes calls: a month of them is added
up from its days, not call by call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
    select,
)

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


def new_calls(connection: Connection, records: Iterable[UsageRecord]) -> list[UsageRecord]:
    """Those that are not stored yet, each once."""
    new = {record.id: record for record in records}
    for some in in_chunks(list(new)):
        known = connection.scalars(select(usage_records.c.id).where(usage_records.c.id.in_(some)))
        for known_id in known.all():
            del new[known_id]
    return list(new.values())


def add_to_days(database: Database, connection: Connection, new: Iterable[UsageRecord]) -> None:
    """In the order of the keys, so that writers at the same time wait for each other in turn."""
    if database.is_sqlite:
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    days: dict[tuple[str, ...], Counter[str]] = {}
    for record in new:
        who = record.token, record.person
        key: tuple[str, ...] = (_day(record.at.astimezone(UTC)), *who, record.target, record.prompt)
        days.setdefault(key, Counter()).update(_of_call(record))
    statement = insert(usage_days)
    added = {name: usage_days.c[name] + statement.excluded[name] for name in (*COUNTS, *SUMS)}
    upsert = statement.on_conflict_do_update(index_elements=KEYS, set_=added)
    for keys in sorted(days):
        connection.execute(upsert, {**dict(zip(KEYS, keys, strict=True)), **days[keys]})


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
    return at.strftime("%Y-%m-%d")


def _of_call(record: UsageRecord) -> dict[str, Any]:
    is_answered = record.status < 400
    return {
        "calls": 1,
        "failed": int(not is_answered),
        "cached": int(record.cached),
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "answered": int(is_answered),
        "cost_usd": record.cost_usd,
        "saved_usd": record.saved_usd,
        "latency_ms": record.latency_ms if is_answered else 0.0,
    }
