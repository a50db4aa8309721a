"""How a metric's values are spread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import streamlit as st

from prompt_app.datamodel.score import MetricInfo
from prompt_app.ui.components.tables import data_chart
from prompt_app.ui.components.wording import plain

BINS = 20


def distribution_chart(key: str, values: Sequence[float], info: MetricInfo | None) -> None:
    """A bar for each bin; for a metric of 0 and 1 one for each."""
    if not values:
        st.caption(plain(f"No sample has a score of {key}."))
        return
    frame = binned(values, info)
    data_chart(
        {
            "dataset": {"source": frame},
            "grid": {"left": 8, "right": 8, "top": 12, "bottom": 4, "containLabel": True},
            "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "category", "name": ""},
            "yAxis": {"type": "value", "minInterval": 1},
            "series": [{"type": "bar", "name": "samples", "barCategoryGap": "12%"}],
        },
        frame,
        f"{key}-distribution",
        height=220,
        alt=f"Samples by their value of {key}",
    )


def binned(values: Sequence[float], info: MetricInfo | None) -> pd.DataFrame:
    """Columns ``value`` (what each bin stands for, as text) and ``samples``."""
    if info is not None and info.kind == "proportion":
        ones = sum(value >= 0.5 for value in values)
        return pd.DataFrame({"value": ["0", "1"], "samples": [len(values) - ones, ones]})
    bounds = None
    if info is not None and info.minimum is not None and info.maximum is not None:
        bounds = (info.minimum, info.maximum)
    distinct = sorted(set(values))
    if bounds is None and len(distinct) <= BINS and all(each == int(each) for each in distinct):
        whole = range(int(distinct[0]), int(distinct[-1]) + 1)
        if len(whole) <= BINS:
            counts = [sum(value == each for value in values) for each in whole]
            return pd.DataFrame({"value": [str(each) for each in whole], "samples": counts})
    return histogram(values, "value", bounds)


def histogram(
    values: Sequence[float], name: str, bounds: tuple[float, float] | None = None
) -> pd.DataFrame:
    """Columns ``name`` (each bin's bounds, as text) and ``samples``."""
    found, edges = np.histogram(np.asarray(values, dtype=float), bins=BINS, range=bounds)
    labels = [f"{low:.4g} – {high:.4g}" for low, high in pairwise(edges)]
    return pd.DataFrame({name: labels, "samples": found})
