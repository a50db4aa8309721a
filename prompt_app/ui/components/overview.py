"""Home's list, which looks again by itself while something runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from prompt_app.datamodel.evaluation import ACTIVE_STATES
from prompt_app.ui.components.run_list import run_cards
from prompt_app.ui.components.wording import money, plain
from prompt_app.ui.state import EVALUATE, RUNS, may_edit, workbench

MOST_SHOWN = 10
WEEK = 7
LOOK_SECONDS = 2.0


def this_week() -> None:
    """What runs, what has run, and what it cost."""
    since = datetime.now(UTC) - timedelta(days=WEEK)
    started = workbench().list_runs(since=since, limit=1).total
    active = workbench().list_runs(states=ACTIVE_STATES, limit=1).total
    spent = workbench().spending(WEEK)
    with st.grid("auto", min_column_width=150):
        st.metric("Running or queued", f"{active:,}")
        st.metric("Runs in the last 7 days", f"{started:,}")
        st.metric(
            "Cost of the last 7 days",
            plain(money(spent.total_usd)),
            help=plain(
                f"Runs, judges included: {money(spent.runs_usd)}. "
                f"Calls through the gateway and the playground: {money(spent.gateway_usd)}."
            ),
        )


def runs_now_and_lately() -> None:
    is_live = workbench().list_runs(states=ACTIVE_STATES, limit=1).total > 0
    st.fragment(_lists, run_every=LOOK_SECONDS if is_live else None)(is_live)


def _lists(is_live: bool) -> None:
    active = workbench().list_runs(states=ACTIVE_STATES, limit=MOST_SHOWN)
    if is_live and not active.items:
        st.rerun()
    if active.items:
        st.subheader("Running now")
        run_cards(active.items)
    ended = workbench().list_runs(
        states=("finished", "paused", "failed", "cancelled"), limit=MOST_SHOWN
    )
    if ended.items:
        st.subheader("Lately")
        run_cards(ended.items)
        if ended.total > MOST_SHOWN:
            st.page_link(RUNS, label="All runs", icon=":material/list_alt:")
    elif not active.items:
        _nothing_yet()


def _nothing_yet() -> None:
    if not may_edit():
        st.info("No runs yet. Whoever may edit can start one.", icon=":material/info:")
        return
    st.info("No runs yet. Run the example to see how it works.", icon=":material/info:")
    st.page_link(EVALUATE, label="Or evaluate with your own data", icon=":material/add:")
