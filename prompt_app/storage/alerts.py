"""Alerts at spend, and when they were raised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import (
    Column,
    Double,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
)

from prompt_app.datamodel.alerts import AlertPeriod, RaisedAlert, SpendAlert
from prompt_app.errors import UnknownNameError
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import Key, Moment, PlainText, metadata

spend_alerts = Table(
    "spend_alerts",
    metadata,
    Column("number", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("record", Text, nullable=False),  # SpendAlert
)

raised_alerts = Table(
    "raised_alerts",
    metadata,
    Column("alert", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("since", Text, nullable=False),  # YYYY-MM-DD, first day of the period
    Column("scope", Text, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("person", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("usd", Double, nullable=False),
    Column("spent_usd", Double, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("alert", "subject", "since"),
    Index("ix_raised_alerts_at", "at"),
)


class Alerts(StorePart):
    """The part of the store that keeps alerts."""

    def save_alert(self, alert: SpendAlert) -> None:
        with self._database.write() as connection:
            row = {"id": alert.id, "record": dump_record(alert)}
            connection.execute(insert(spend_alerts), row)

    def delete_alert(self, alert_id: str) -> SpendAlert:
        """What was raised stays."""
        here = spend_alerts.c.id == alert_id
        with self._database.write() as connection:
            text = connection.scalar(select(spend_alerts.c.record).where(here))
            if text is None:
                raise UnknownNameError("alert", alert_id)
            connection.execute(delete(spend_alerts).where(here))
        return load_record(SpendAlert, text)

    def list_alerts(self) -> list[SpendAlert]:
        """In the order in which they were made."""
        query = select(spend_alerts.c.record).order_by(spend_alerts.c.number)
        with self._database.read() as connection:
            return [load_record(SpendAlert, text) for text in connection.scalars(query)]

    def raise_alert(self, raised: RaisedAlert) -> bool:
        """False where it was raised already for this subject and period."""
        statement = self._database.insert_or_ignore(raised_alerts, "alert", "subject", "since")
        values = {name: getattr(raised, name) for name in RaisedAlert.__slots__}
        with self._database.write() as connection:
            stored = connection.execute(statement.returning(raised_alerts.c.alert), values)
            return stored.first() is not None

    def list_raised(
        self,
        since: datetime,
        *,
        periods: Mapping[AlertPeriod, str] | None = None,
        person: str | None = None,
        limit: int = 50,
    ) -> list[RaisedAlert]:
        """Newest first; of those that begin on the days of ``periods``, and that concern
        ``person``, where they are given."""
        columns = raised_alerts.c
        query = select(raised_alerts).where(columns.at >= since)
        if periods is not None:
            now = [
                (columns.period == name) & (columns.since == day) for name, day in periods.items()
            ]
            query = query.where(or_(*now))
        if person is not None:
            query = query.where(columns.person == person)
        query = query.order_by(columns.at.desc(), columns.subject).limit(limit)
        with self._database.read() as connection:
            return [
                RaisedAlert(**{name: getattr(row, name) for name in RaisedAlert.__slots__})
                for row in connection.execute(query)
            ]
