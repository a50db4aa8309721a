"""What the store keeps of alerts at spend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from prompt_app.datamodel.alerts import AlertPeriod, RaisedAlert, SpendAlert


class AlertStore(Protocol):
    """A part of :class:`prompt_app.interfaces.Store`."""

    def save_alert(self, alert: SpendAlert) -> None: ...

    def delete_alert(self, alert_id: str) -> SpendAlert:
        """What was raised stays. Raises UnknownNameError."""
        ...

    def list_alerts(self) -> list[SpendAlert]:
        """In the order in which they were made."""
        ...

    def raise_alert(self, raised: RaisedAlert) -> bool:
        """False where it was raised already for this subject and period, by whichever process."""
        ...

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
        ...
