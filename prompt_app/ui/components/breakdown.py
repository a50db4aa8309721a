"""A comparison by groups of examples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.ui.components.compare_choice import run_labels, stamp_of
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.contrasting import Breakdown

MOST_ROWS_UNASKED = 20_000
"""More are read when somebody asks."""


@st.fragment
def breakdown_section(runs: Sequence[Run], metric: str) -> None:
    box = st.expander(
        "By group",
        expanded=runs[0].progress.total <= MOST_ROWS_UNASKED,
        icon=":material/category:",
        key="by_group",
        on_change="rerun",
        bind="query-params",
    )
    if not box.open:
        return
    with box, errors_shown():
        fields = workbench().contrasts.group_fields(runs[0].id)
        if not fields:
            st.info(
                "No field of this dataset groups its rows: a topic or a source, say.",
                icon=":material/info:",
            )
            return
        field = st.selectbox("Field", fields, key="group", bind="query-params", width=300)
        broken = worked_out(
            "compare.groups",
            "Comparing group by group",
            (stamp_of(runs), metric, field),
            partial(workbench().contrasts.breakdown, [run.id for run in runs], metric, field),
        )
        if broken is None:
            return
        frame = breakdown_frame(broken, runs)
        data_table(
            frame, f"{metric}-by-{field}", alt=f"{metric} of each run by {field}", key="groups"
        )
        note = "p is corrected over all groups and runs."
        if broken.left_out:
            note += f" {broken.left_out:,} smaller groups are not shown."
        st.caption(plain(note))


def breakdown_frame(broken: Breakdown, runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each group; for each candidate its mean, difference and verdict."""
    labels = run_labels(runs)
    baseline = runs[0]
    rows = []
    for group in broken.groups:
        row: dict[str, Any] = {
            broken.field: group.name,
            "examples": max((each.pairs for each in group.results), default=0),
            labels[baseline.id]: group.means.get(baseline.id),
        }
        for result in group.results:
            name = labels[result.candidate_name]
            row[name] = group.means.get(result.candidate_name)
            row[f"{name}: difference"] = result.difference
            if result.interval is not None:
                row[f"{name}: interval"] = (
                    f"{result.interval.lower:+.3f} to {result.interval.upper:+.3f}"
                )
            row[f"{name}: p"] = result.p_adjusted
            row[f"{name}: verdict"] = result.verdict.replace("_", " ")
        rows.append(row)
    return pd.DataFrame(rows)
