"""Tables and charts, each with its data to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from prompt_app.ui.components.downloads import table_downloads

if TYPE_CHECKING:
    import pandas as pd

ROW_PIXELS = 35
MOST_SENT = 1_000
NOTHING = "–"
"""In a cell without a value."""


def data_table(
    frame: pd.DataFrame,
    name: str,
    *,
    alt: str,
    most: int = 15,
    buttons: Sequence[str] = (),
    fills: pd.DataFrame | None = None,
    **options: Any,
) -> Any:
    """``frame`` with a menu that downloads it as ``name``.csv and so on, without the columns that
    are ``buttons``. More than ``most`` rows scroll, and only the file has those beyond
    MOST_SENT. ``fills``: CSS of each cell, in the shape of ``frame``. ``options`` are those of
    ``st.dataframe``, and what comes back is what it gives."""
    sent: Any = frame.head(MOST_SENT)
    if fills is not None:
        sent = sent.style.apply(lambda _: fills.head(MOST_SENT), axis=None)
    state = st.dataframe(
        sent,
        hide_index=True,
        height=table_height(len(frame), most),
        alt=alt,
        placeholder=NOTHING,
        **options,
    )
    if len(frame) > MOST_SENT:
        st.caption(f"The first {MOST_SENT:,} of {len(frame):,} are shown; the file has all.")
    table_downloads(frame.drop(columns=list(buttons)), name, key=options.get("key") or name)
    return state


def opened_row(button: str, label: str, names: Sequence[str]) -> int | None:
    """The row that was just asked for, counted from 0: by the table's column of buttons, whose key
    is ``button``, or by a list of the rows' ``names``. Tables are drawn on a canvas, whose buttons
    the keyboard does not reach; the list it does."""
    key = f"{button}.by_name"
    asked = f"{key}.asked"

    def ask() -> None:
        chosen = st.session_state[key]
        st.session_state[asked] = names.index(chosen) if chosen in names else None
        st.session_state[key] = None

    st.selectbox(
        label, names, index=None, key=key, on_change=ask, placeholder=label, width=220,
        label_visibility="collapsed",
    )  # fmt: skip
    if click := st.session_state.get(button):
        row: int = click.row
        return row
    found: int | None = st.session_state.pop(asked, None)
    return found


def table_height(rows: int, most: int = 15, *, extra: int = 0) -> int:
    """Pixels of a table with its head and at most ``most`` rows, and ``extra`` empty ones."""
    return (min(rows, most) + 1 + extra) * ROW_PIXELS + 3


def data_chart(
    chart: Mapping[str, Any], frame: pd.DataFrame, name: str, *, alt: str, **options: Any
) -> None:
    """An ECharts ``chart`` with a menu that downloads ``frame``, what it shows, as
    ``name``.csv and so on. ``options`` are those of ``st.echarts_chart``."""
    st.echarts_chart(dict(chart), alt=alt, **options)
    table_downloads(frame, name, key=options.get("key") or name)
