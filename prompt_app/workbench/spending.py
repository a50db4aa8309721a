"""What was spent lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prompt_app.datamodel.counting import summed_cost
from prompt_app.datamodel.serving import UsageFilter
from prompt_app.interfaces import Store
from prompt_app.settings import Settings
from prompt_app.workbench.target_prices import TargetPrices
from prompt_app.workbench.unpriced import run_cost

MOST_RUNS = 50


@dataclass(frozen=True, slots=True)
class Spending:
    """US dollars of the last days; None where calls were made whose price is not known, and no
    others that cost anything."""

    days: int
    runs_usd: float | None
    """Of the runs started in that time, judges included."""
    gateway_usd: float | None

    @property
    def total_usd(self) -> float | None:
        return summed_cost((self.runs_usd, self.gateway_usd))


def spending(settings: Settings, store: Store, days: int) -> Spending:
    """By whole days back from now."""
    since = datetime.now(UTC) - timedelta(days=days)
    return Spending(days, _of_runs(store, since), _of_calls(settings, store, since))


def _of_runs(store: Store, since: datetime) -> float | None:
    if spent := store.spend_since(since):
        return spent
    newest = store.list_runs(since=since, limit=MOST_RUNS).items
    return summed_cost(run_cost(run) for run in newest)


def _of_calls(settings: Settings, store: Store, since: datetime) -> float | None:
    prices = TargetPrices(settings, store)
    served = store.usage_totals("model", UsageFilter(since=since))
    return summed_cost(
        None if prices.unpriced_calls(each.key, each) else each.cost_usd for each in served
    )
