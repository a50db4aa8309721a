"""Sums over the gateway's calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.serving import UsageFilter, UsageGroup, UsageTotals
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import TOKENS, workbench

PERIODS = {"Today": 1, "7 days": 7, "30 days": 30, "90 days": 90}
GROUPS: dict[str, UsageGroup] = {
    "Day": "day", "Person": "person", "Token": "token", "Model": "model", "Prompt": "prompt",
}  # fmt: skip


def usage_filter() -> UsageFilter:
    """Which calls are meant; kept in the page's address."""
    period = st.segmented_control(
        "Period", list(PERIODS), default="7 days", key="period", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    days = PERIODS.get(period or "7 days", 7)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return UsageFilter(since=midnight - timedelta(days=days - 1))


def usage_totals(which: UsageFilter) -> None:
    """Figures, and a table by day, person, token, model or prompt."""
    usage = workbench().usage
    unpriced = usage.unpriced_models(which)
    days = usage.totals("day", which, unpriced)
    calls = sum(day.calls for day in days)
    if not calls:
        st.info(
            "The gateway was not called in this time. Programs call it with a token.",
            icon=":material/info:",
        )
        st.page_link(TOKENS, label="Tokens", icon=":material/key:")
        return
    _figures(days, calls)
    chosen = st.segmented_control(
        "By", list(GROUPS), default="Day", key="by", bind="query-params",
    )  # fmt: skip
    group = GROUPS.get(chosen or "Day", "day")
    totals = days if group == "day" else usage.totals(group, which, unpriced)
    frame = pd.DataFrame([_row(each, chosen or "Day") for each in totals])
    data_table(
        frame, f"usage-by-{group}", alt=f"Calls by {group}",
        column_config={
            "Cost": st.column_config.NumberColumn(format="$%.4f"),
            "Saved": st.column_config.NumberColumn(format="$%.4f"),
            "Mean ms": st.column_config.NumberColumn(format="%.0f"),
            "Failed": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )  # fmt: skip
    if unpriced:
        told = counted(sum(day.unpriced for day in days), "call")
        models = ", ".join(unpriced)
        st.caption(plain(f"No price is known for {models}: the cost leaves {told} out."))


def _figures(days: list[UsageTotals], calls: int) -> None:
    cached, failed = sum(day.cached for day in days), sum(day.failed for day in days)
    cost, unknown = sum(day.cost_usd for day in days), sum(day.unpriced for day in days)
    saved = sum(day.saved_usd for day in days)
    saved_shown = _dollars(saved, is_known=not (unknown and cached))
    with st.grid("auto", min_column_width=150):
        st.metric("Calls", f"{calls:,}")
        st.metric("Cost", plain(_dollars(cost, is_known=not unknown)))
        st.metric(
            "Saved", plain(saved_shown), help=f"{cached:,} calls were answered by stored replies."
        )
        st.metric("Failed", f"{failed / calls:.1%}")


def _dollars(usd: float, *, is_known: bool) -> str:
    return f"${usd:,.4f}" if usd or is_known else "unknown"


def _row(totals: UsageTotals, what: str) -> dict[str, object]:
    return {
        what: totals.key or "none",
        "Calls": totals.calls,
        "Failed": totals.failed / totals.calls,
        "Stored replies": totals.cached,
        "Tokens in": totals.input_tokens,
        "Tokens out": totals.output_tokens,
        "Cost": totals.known_cost_usd,
        "Saved": totals.known_saved_usd,
        "Mean ms": totals.mean_latency_ms,
    }
