"""Named parts of a dataset, dealt by a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.ui.components.dataset_choice import go_to_version
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.long_work import ended_work, start_work
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench

USUAL = {"dev": 20.0, "test": 80.0}


def split_section(version: DatasetVersion, *, is_newest: bool) -> None:
    _now(version)
    if not is_newest:
        st.caption("This is an older version. The newest one can be dealt anew.")
        return
    if not may_edit():
        return
    st.subheader("Deal anew")
    st.caption(
        "Rows are dealt by the seed and their id: the same seed gives the same splits, rows of "
        "equal content fall into one, and rows beyond 100% belong to none."
    )
    given = version.options.splits
    parts = {name: round(part * 100, 6) for name, part in given.items()} or USUAL
    with st.container(width=420):
        edited = st.data_editor(
            pd.DataFrame({"Split": list(parts), "Percent": [float(p) for p in parts.values()]}),
            key=f"splits.table.{version.id}",
            num_rows="dynamic",
            hide_index=True,
            column_config={
                "Percent": st.column_config.NumberColumn(min_value=0, max_value=100, format="%g")
            },
            alt="Splits and their sizes",
        )
        seed = st.number_input(
            "Seed", value=version.options.seed, step=1, key=f"splits.seed.{version.id}", width=140
        )
    place = f"splits.{version.id}"
    with st.container(horizontal=True), errors_shown():
        if st.button(
            f"Save as version {version.number + 1}", type="primary", icon=":material/save:"
        ):
            _deal(place, version, edited.to_dict("records"), int(seed))
        if version.split_rows and st.button("Without splits"):
            _deal(place, version, [], 0)
    if (work := ended_work(place)) is not None:
        with errors_shown():
            saved: DatasetVersion = work.result()
            st.toast(plain(f"Saved as version {saved.number}."))
            go_to_version(saved.number)


def _now(version: DatasetVersion) -> None:
    if not version.split_rows:
        st.info("This version has no splits.", icon=":material/call_split:")
        return
    rows = dict(version.split_rows)
    rest = version.rows - sum(rows.values())
    if rest:
        rows["(none)"] = rest
    with st.grid("auto", min_column_width=130):
        for name, count in rows.items():
            st.metric(plain(name), f"{count:,}", help=f"{count / version.rows:.1%} of the rows")
    options = version.options
    if options.split_field:
        st.caption(plain(f"Named by the field {options.split_field}."))
    else:
        st.caption(f"Dealt by seed {options.seed}.")


def _deal(
    place: str, version: DatasetVersion, rows: Sequence[Mapping[Any, Any]], seed: int
) -> None:
    deal = partial(workbench().curation.deal_splits, version, _fractions(rows), seed)
    start_work(place, "Dealing the rows", deal)


def _fractions(rows: Sequence[Mapping[Any, Any]]) -> dict[str, float]:
    named = [(str(row["Split"]).strip(), row["Percent"]) for row in rows if row["Split"]]
    return {name: float(percent) / 100 for name, percent in named if percent and percent > 0}
