"""What was spent lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prompt_app.datamodel.serving import UsageFilter
from prompt_app.interfaces import Store


@dataclass(frozen=True, slots=True)
class Spending:
    """US dollars of the last days."""

    days: int
    runs_usd: float
    """Of the runs started in that time, judges included."""
    gateway_usd: float

    @property
    def total_usd(self) -> float:
        return self.runs_usd + self.gateway_usd


def spending(store: Store, days: int) -> Spending:
    """By whole days back from now."""
    since = datetime.now(UTC) - timedelta(days=days)
    served = store.usage_totals("day", UsageFilter(since=since))
    return Spending(days, store.spend_since(since), sum(each.cost_usd for each in served))
