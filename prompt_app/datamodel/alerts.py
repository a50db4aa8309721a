"""Alerts at what the gateway's calls have cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from prompt_app.datamodel.base import Record

AlertScope = Literal["gateway", "person", "token"]
AlertPeriod = Literal["day", "month"]


class SpendAlert(Record):
    """Is raised once a day or month, in which the calls of the whole gateway, of a person or of a
    token have cost so much. Days and months are those of UTC."""

    id: str
    scope: AlertScope
    subject: str = ""
    """The person's or token's id; empty: each of them."""
    period: AlertPeriod
    usd: Annotated[float, Field(gt=0)]
    author: str = ""


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """A threshold that was reached."""

    alert: str
    """Id of the SpendAlert."""
    scope: AlertScope
    subject: str
    """The person's or token's id; empty for the whole gateway."""
    name: str
    """What the person or token is called."""
    person: str
    """Id of whom it concerns besides the admins: the person, or the token's owner."""
    period: AlertPeriod
    since: str
    """First day of the period, YYYY-MM-DD."""
    usd: float
    """The threshold."""
    spent_usd: float
    at: datetime

    @property
    def text(self) -> str:
        """In words."""
        who = {
            "gateway": "The gateway's calls",
            "person": f"The calls of {self.name}",
            "token": f"The calls of the token {self.name} ({self.subject})",
        }[self.scope]
        when = f"on {self.since}" if self.period == "day" else f"in {self.since[:7]}"
        return (
            f"{who} have cost ${self.spent_usd:,.2f} {when}; the alert is set to ${self.usd:,.2f}."
        )
