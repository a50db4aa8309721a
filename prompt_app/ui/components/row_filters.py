"""The controls over a run's rows."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from prompt_app.datamodel.evaluation import Run, SampleState
from prompt_app.interfaces import RowFilter
from prompt_app.ui.components.search_field import search_field
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
        text = search_field("Field, reply or error", label="Search rows", width=195)
        order = st.selectbox("Order", list(ORDERS), key="order", bind="query-params", width=165)
        metric = st.selectbox(
            "Metric",
            [metric.key for metric in run.spec.metrics],
            key="by",
            bind="query-params",
            width=150,
            help="The metric that the order and the range go by.",
        )
        minimum = st.number_input("Least", value=None, key="least", bind="query-params", width=85)
        maximum = st.number_input(
            "Greatest", value=None, key="greatest", bind="query-params", width=85
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
        text=text,
        error_kind=None if kind == "any" else kind,
        sort=sort,  # type: ignore[arg-type]
        descending=descending,
    )


def _more(run: Run) -> tuple[str, str, bool]:
    """State, kind of error ("any" for all), and whether the metric failed."""
    state = st.selectbox("State", ["any", *get_args(SampleState)], key="state", bind="query-params")
    kind = st.selectbox(
        "Error",
        ["any", *(workbench().error_counts(run.id) if run.progress.failed else ())],
        key="error",
        bind="query-params",
    )
    unscored = st.checkbox(
        "Only rows that the metric failed on", key="unscored", bind="query-params"
    )
    return state, kind, unscored
