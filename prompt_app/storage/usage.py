"""Calls of the gateway, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, insert, select, text, update
from sqlalchemy.sql.dml import Insert

from prompt_app.datamodel.serving import (
    AuditEntry,
    UsageFilter,
    UsageGroup,
    UsageRecord,
    UsageTotals,
)
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces import Page, StoredReply
from prompt_app.storage.database import BulkInsert
from prompt_app.storage.encoding import dump_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.searching import UNSEARCHED
from prompt_app.storage.serving_tables import audit_entries, usage_records
from prompt_app.storage.tables import escape_text, replies
from prompt_app.storage.usage_days import (
    add_to_days,
    adding_to_days,
    new_calls,
    usage_days,
    whole_days,
)

PAGE = 1000
_COLUMNS = usage_records.c
_GROUPS = {
    "day": "day",
    "person": "person",
    "token": "token",
    "model": "target",
    "prompt": "prompt",
}
_SHOWN = [column for column in _COLUMNS if column.name not in ("day", "body")]


class Usage(StorePart):
    """The part of the store that keeps the gateway's books."""

    @cached_property
    def _usage(self) -> BulkInsert:
        ignoring = self._database.insert_or_ignore(usage_records, "id")
        return BulkInsert(self._database, ignoring)

    @cached_property
    def _served_replies(self) -> BulkInsert:
        return BulkInsert(self._database, self._database.insert_or_ignore(replies, "id"))

    @cached_property
    def _adding(self) -> Insert:
        return adding_to_days(self._database)

    def write_usage(self, records: Sequence[UsageRecord], replies: Sequence[StoredReply]) -> None:
        """All of it in one transaction, or nothing. What is there already, by its id, stays."""
        with self._database.write() as connection:
            self._served_replies(connection, [self._reply_row(stored) for stored in replies])
            new = new_calls(connection, records)
            self._usage(connection, [self._usage_row(record) for record in new])
            add_to_days(connection, self._adding, new)

    def _reply_row(self, stored: StoredReply) -> tuple[Any, ...]:
        return (
            stored.id,
            stored.cache_key,
            stored.reply.latency_seconds,
            stored.cost_usd,
            self._database.stored_time(stored.created_at or datetime.now(UTC)),
            UNSEARCHED,
            dump_record(stored.reply),
        )

    def _usage_row(self, record: UsageRecord) -> tuple[Any, ...]:
        return (
            record.id,
            self._database.stored_time(record.at),
            record.at.date().isoformat(),
            record.token,
            record.person,
            record.route,
            escape_text(record.model),
            record.target,
            record.prompt,
            record.prompt_version,
            record.input_tokens,
            record.output_tokens,
            record.cost_usd,
            record.saved_usd,
            record.latency_ms,
            record.cached,
            record.streamed,
            record.status,
            record.error_kind,
            None if record.body is None else escape_text(record.body),
        )

    def spent_by_token(self, since_day: str) -> dict[str, float]:
        """Token id -> US dollars from ``since_day`` (YYYY-MM-DD, UTC) on."""
        days = usage_days.c
        query = (
            select(days.token, func.sum(days.cost_usd))
            .where(days.day >= since_day, days.token != "")
            .group_by(days.token)
        )
        with self._database.read() as connection:
            return {token: float(spent) for token, spent in connection.execute(query)}

    def usage_totals(self, group: UsageGroup, which: UsageFilter) -> list[UsageTotals]:
        """Days in order; anything else by cost, then by calls."""
        days = whole_days(which)
        query = _sums_of_calls(group, which) if days is None else _sums_of_days(group, days)
        if group == "day":
            query = query.order_by("key")
        else:
            query = query.order_by(text("cost_usd DESC"), text("calls DESC"), "key")
        with self._database.read() as connection:
            return [_totals(row) for row in connection.execute(query)]

    def list_usage(
        self, which: UsageFilter, *, offset: int = 0, limit: int = 50
    ) -> Page[UsageRecord]:
        """Newest first, without their bodies."""
        query = _filtered(select(*_SHOWN), which).order_by(_COLUMNS.number.desc())
        count = _filtered(select(func.count()).select_from(usage_records), which)
        with self._database.read() as connection:
            total = int(connection.scalar(count) or 0)
            rows = connection.execute(query.offset(offset).limit(limit)).all()
        return Page(tuple(_record(row) for row in rows), total, offset)

    def get_usage(self, usage_id: str) -> UsageRecord:
        """With its body, where that is kept."""
        with self._database.read() as connection:
            query = select(*_SHOWN, _COLUMNS.body).where(_COLUMNS.id == usage_id)
            row = connection.execute(query).first()
        if row is None:
            raise UnknownNameError("call", usage_id)
        return _record(row)

    def iterate_usage(self, which: UsageFilter) -> Iterator[UsageRecord]:
        """Oldest first, with bodies, a page in memory at a time."""
        last = 0
        while True:
            query = _filtered(select(*_SHOWN, _COLUMNS.body), which)
            query = query.where(_COLUMNS.number > last).order_by(_COLUMNS.number).limit(PAGE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield _record(row)
            if len(rows) < PAGE:
                return
            last = rows[-1].number

    def forget_bodies(self, before: datetime) -> int:
        """Remove the kept bodies of older calls; returns their number."""
        old = update(usage_records).where(_COLUMNS.at < before, _COLUMNS.body.is_not(None))
        with self._database.write() as connection:
            return int(connection.execute(old.values(body=None)).rowcount)

    def write_audit(self, entry: AuditEntry) -> None:
        values = {name: getattr(entry, name) for name in AuditEntry.__slots__}
        with self._database.write() as connection:
            connection.execute(insert(audit_entries), values)

    def list_audit(self, *, offset: int = 0, limit: int = 50) -> Page[AuditEntry]:
        """Newest first."""
        query = select(audit_entries).order_by(audit_entries.c.number.desc())
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(audit_entries))
            rows = connection.execute(query.offset(offset).limit(limit)).all()
        entries = (AuditEntry(**{n: getattr(row, n) for n in AuditEntry.__slots__}) for row in rows)
        return Page(tuple(entries), int(total or 0), offset)


def _sums_of_calls(group: UsageGroup, which: UsageFilter) -> Select[Any]:
    key = _COLUMNS[_GROUPS[group]]
    query = select(
        key.label("key"),
        func.count().label("calls"),
        func.sum(case((_COLUMNS.status >= 400, 1), else_=0)).label("failed"),
        func.sum(case((_COLUMNS.cached, 1), else_=0)).label("cached"),
        func.sum(_COLUMNS.input_tokens).label("input_tokens"),
        func.sum(_COLUMNS.output_tokens).label("output_tokens"),
        func.sum(_COLUMNS.cost_usd).label("cost_usd"),
        func.sum(_COLUMNS.saved_usd).label("saved_usd"),
        func.avg(case((_COLUMNS.status < 400, _COLUMNS.latency_ms))).label("latency"),
    )
    return _filtered(query, which).group_by(key)


def _sums_of_days(group: UsageGroup, days: Select[Any]) -> Select[Any]:
    day = days.subquery().c
    key = day[_GROUPS[group]]
    summed = ("calls", "failed", "cached", "input_tokens", "output_tokens", "cost_usd", "saved_usd")
    return select(
        key.label("key"),
        *(func.sum(day[name]).label(name) for name in summed),
        (func.sum(day.latency_ms) / func.nullif(func.sum(day.answered), 0)).label("latency"),
    ).group_by(key)


def _filtered(query: Select[Any], which: UsageFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if which.since is not None:
        conditions.append(_COLUMNS.at >= which.since)
    if which.until is not None:
        conditions.append(_COLUMNS.at < which.until)
    for name, column in (("person", _COLUMNS.person), ("token", _COLUMNS.token)):
        if wanted := getattr(which, name):
            conditions.append(column == wanted)
    if which.model:
        conditions.append(_COLUMNS.target == which.model)
    if which.prompt:
        conditions.append(_COLUMNS.prompt == which.prompt)
    if which.failed:
        conditions.append(_COLUMNS.status >= 400)
    return query.where(*conditions)


def _totals(row: Any) -> UsageTotals:
    return UsageTotals(
        key=row.key,
        calls=int(row.calls),
        failed=int(row.failed),
        cached=int(row.cached),
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
        cost_usd=float(row.cost_usd),
        saved_usd=float(row.saved_usd),
        mean_latency_ms=None if row.latency is None else float(row.latency),
    )


def _record(row: Any) -> UsageRecord:
    values = row._asdict()
    values.pop("number")
    return UsageRecord(**values)
