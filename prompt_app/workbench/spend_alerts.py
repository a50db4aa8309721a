"""Alerts at what the gateway's calls cost: set by admins, raised by the gateway."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

from pydantic import ValidationError

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.alerts import AlertPeriod, AlertScope, RaisedAlert, SpendAlert
from prompt_app.datamodel.serving import UsageFilter
from prompt_app.errors import InputError, UnknownNameError
from prompt_app.interfaces import Store
from prompt_app.workbench.auditing import Audit


class SpendAlerts:
    """In the hands of ``actor``."""

    def __init__(self, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor

    def all(self) -> list[SpendAlert]:
        """In the order in which they were made."""
        return self._store.list_alerts()

    def add(
        self, scope: AlertScope, period: AlertPeriod, usd: float, subject: str = ""
    ) -> SpendAlert:
        """``subject`` is a person's or token's id; without it each of them is watched. Raises
        InputError, and PermissionDeniedError for anyone but an admin."""
        self._actor.require(Role.ADMIN, "set alerts")
        subject = subject.strip()
        if scope == "gateway" and subject:
            raise InputError("An alert for the whole gateway names nobody.")
        if scope == "token" and subject:
            self._store.get_token(subject)
        try:
            alert = SpendAlert(
                id=secrets.token_hex(6), scope=scope, subject=subject, period=period, usd=usd,
                author=self._actor.id,
            )  # fmt: skip
        except ValidationError:
            raise InputError("An alert needs an amount above 0.") from None
        self._store.save_alert(alert)
        Audit(self._store, self._actor).note("alert.add", alert.id, alert.to_json())
        return alert

    def delete(self, alert_id: str) -> None:
        """What was raised stays."""
        self._actor.require(Role.ADMIN, "remove alerts")
        deleted = self._store.delete_alert(alert_id)
        Audit(self._store, self._actor).note("alert.delete", alert_id, deleted.to_json())

    def raised(self) -> list[RaisedAlert]:
        """Those of this day and this month, newest first, at most 50: for admins of everybody, for
        others of themselves and their tokens."""
        now = datetime.now(UTC)
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        periods = {each: _first_day(each, now) for each in get_args(AlertPeriod)}
        person = None if self._actor.may(Role.ADMIN) else self._actor.id
        return self._store.list_raised(month, periods=periods, person=person)


def raise_due(store: Store, now: datetime) -> list[RaisedAlert]:
    """Raise what the calls so far call for; returns what no process had raised."""
    return [
        raised
        for alert in store.list_alerts()
        for raised in _due(store, alert, now)
        if store.raise_alert(raised)
    ]


def _due(store: Store, alert: SpendAlert, now: datetime) -> Iterator[RaisedAlert]:
    since = _first_day(alert.period, now)
    which = UsageFilter(since=datetime.fromisoformat(since).replace(tzinfo=UTC))
    if alert.scope == "gateway":
        spent = {"": sum(day.cost_usd for day in store.usage_totals("day", which))}
    else:
        spent = {each.key: each.cost_usd for each in store.usage_totals(alert.scope, which)}
        # Calls from this machine may have no token.
        spent.pop("", None)
    for subject, usd in spent.items():
        if usd < alert.usd or (alert.subject and subject != alert.subject):
            continue
        name, person = _who(store, alert.scope, subject)
        yield RaisedAlert(
            alert=alert.id, scope=alert.scope, subject=subject, name=name, person=person,
            period=alert.period, since=since, usd=alert.usd, spent_usd=usd, at=now,
        )  # fmt: skip


def _who(store: Store, scope: AlertScope, subject: str) -> tuple[str, str]:
    """The subject's name, and whom it concerns."""
    if scope != "token":
        return subject, subject
    try:
        token = store.get_token(subject)
    except UnknownNameError:
        return subject, ""
    return token.name, token.owner


def _first_day(period: AlertPeriod, now: datetime) -> str:
    return now.strftime("%Y-%m-%d" if period == "day" else "%Y-%m-01")
