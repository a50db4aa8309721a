"""The controls over a run's rows."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from prompt_app.datamodel.evaluation import Run, SampleState
from prompt_app.interfaces import RowFilter
from prompt_app.ui.state import workbench

ORDERS = {
    "Row number": ("position", False),
    "Score, lowest first": ("score", False),
    "Score, highest first": ("score", True),
    "Slowest first": ("latency", True),
    "Dearest first": ("cost", True),
}


def row_filters(run: Run) -> RowFilter:
    """What the person asked for. All conditions hold together."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        text = st.text_input(
            "Search rows",
            type="search",
            live="400ms",
            key="rows.text",
            bind="query-params",
            placeholder="Field, reply or error",
            width=195,
        )
        order = st.selectbox(
            "Order", list(ORDERS), key="rows.order", bind="query-params", width=165
        )
        metric = st.selectbox(
            "Metric",
            [metric.key for metric in run.spec.metrics],
            key="rows.metric",
            bind="query-params",
            width=150,
            help="The metric that the order and the range go by.",
        )
        minimum = st.number_input(
            "Least", value=None, key="rows.minimum", bind="query-params", width=85
        )
        maximum = st.number_input(
            "Greatest", value=None, key="rows.maximum", bind="query-params", width=85
        )
        with st.popover("More", icon=":material/filter_list:"):
            state, kind, unscored = _more(run)
    sort, descending = ORDERS[order]
    return RowFilter(
        state=None if state == "any" else state,  # type: ignore[arg-type]
        metric=metric,
        minimum=minimum,
        maximum=maximum,
        metric_failed=unscored,
        text=(text or "").strip(),
        error_kind=None if kind == "any" else kind,
        sort=sort,  # type: ignore[arg-type]
        descending=descending,
    )


def _more(run: Run) -> tuple[str, str, bool]:
    """State, kind of error ("any" for all), and whether the metric failed."""
    state = st.selectbox(
        "State", ["any", *get_args(SampleState)], key="rows.state", bind="query-params"
    )
    kind = st.selectbox(
        "Error",
        ["any", *workbench().error_counts(run.id)],
        key="rows.error",
        bind="query-params",
    )
    unscored = st.checkbox(
        "Only rows that the metric failed on", key="rows.unscored", bind="query-params"
    )
    return state, kind, unscored
