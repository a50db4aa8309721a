"""Step 5: how often, how fast, and for how much."""

from __future__ import annotations

from typing import Any

import streamlit as st

CACHE = {
    "Use stored replies": "use",
    "Call anew and store": "refresh",
    "Neither use nor store": "off",
}


def limit_form() -> dict[str, Any]:
    """The evaluation's ``name``, ``repeats``, ``limits`` and ``cache``."""
    with st.grid("auto", min_column_width=170):
        name = st.text_input(
            "Evaluation name", "evaluation", key="limit.name", persist_state="session"
        )
        repeats = st.number_input(
            "Repeats", 1, 1000, 1, key="limit.repeats", persist_state="session"
        )
        concurrency = st.number_input(
            "Calls at once, at most", 1, 1000, 50, key="limit.concurrency", persist_state="session"
        )
        cap = st.number_input(
            "Spend cap, US dollars",
            min_value=0.0,
            value=None,
            placeholder="None",
            key="limit.cost",
            persist_state="session",
            help="Over the whole evaluation, judges included. No call is made that could overshoot "
            "it. A call that breaks off counts as not billed.",
        )
        rate = st.number_input(
            "Requests a minute, at most",
            min_value=1.0,
            value=None,
            placeholder="No cap",
            key="limit.rate",
            persist_state="session",
        )
        cache = st.selectbox("Reply cache", list(CACHE), key="limit.cache", persist_state="session")
    return {
        "name": name.strip(),
        "repeats": repeats,
        "cache": CACHE[cache],
        "limits": {
            "max_concurrency": concurrency,
            "max_cost_usd": cap or None,
            "requests_per_minute": rate,
        },
    }
