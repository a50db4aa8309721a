"""What a run's calls took: time, tokens, money."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.interfaces.pairing import CallFigures
from prompt_app.ui.components.distribution import histogram
from prompt_app.ui.components.tables import data_chart
from prompt_app.ui.components.wording import money, plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.unpriced import judge_cost, known_cost, model_cost


@st.fragment
def call_section(run: Run) -> None:
    """Read when it is opened: a large run has many calls."""
    box = st.expander(
        "Cost and latency",
        icon=":material/timer:",
        key="calls",
        on_change="rerun",
        bind="query-params",
    )
    if not box.open:
        return
    with box:
        figures = _figures(run.id, run.progress.done)
        if not figures.latency_seconds:
            st.caption("No sample has a reply.")
            return
        _numbers(run, figures)
        frame = histogram([1000 * each for each in figures.latency_seconds], "milliseconds")
        costs = [known_cost(each, run.spec.model) for each in figures.cost_usd]
        calls = pd.DataFrame({"latency_seconds": figures.latency_seconds, "cost_usd": costs})
        data_chart(
            {
                "dataset": {"source": frame},
                "grid": {"left": 8, "right": 8, "top": 28, "bottom": 4, "containLabel": True},
                "tooltip": {"trigger": "axis"},
                "xAxis": {"type": "category", "name": ""},
                "yAxis": {"type": "value", "minInterval": 1, "name": "samples"},
                "series": [{"type": "bar", "name": "samples", "barCategoryGap": "12%"}],
            },
            calls,
            f"{run.id}-calls",
            height=240,
            alt="Samples by the latency of their call in milliseconds",
        )


def _numbers(run: Run, figures: CallFigures) -> None:
    seconds = np.array(figures.latency_seconds)
    each = known_cost(float(np.mean(figures.cost_usd)), run.spec.model)
    usage = run.progress.usage
    shown = {
        "Latency, median": _time(float(np.quantile(seconds, 0.5))),
        "Latency, 95th percentile": _time(float(np.quantile(seconds, 0.95))),
        "Slowest": _time(float(seconds.max())),
        "Cost for 1,000 samples": money(each and each * 1000),
        "Spent on the model": money(model_cost(run)),
        "Spent on judges": money(judge_cost(run)),
        "Tokens in": f"{usage.input:,}",
        "Tokens out": f"{usage.output:,}",
    }
    with st.grid("auto", min_column_width=150):
        for label, value in shown.items():
            st.metric(label, plain(value))
    st.caption(
        "A reply from the cache counts with the latency and the cost of the call that made it; "
        "what was spent does not count it."
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


@st.cache_data(show_spinner=False, ttl="10m", max_entries=20)
def _figures(run_id: str, done: int) -> CallFigures:
    return workbench().contrasts.call_figures(run_id)
