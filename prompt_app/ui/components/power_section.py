"""How many examples and repeats a comparison needs, planned from two earlier runs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.powering import PowerPlan

MOST_PILOTS = 50
PLANS_SHOWN = 5


def power_section(spec: EvaluationSpec) -> None:
    """Two finished runs over the same dataset are the pilot: their variance decides."""
    name = spec.dataset.name or ""
    found = workbench().list_runs(states=("finished",), text=name, limit=MOST_PILOTS).items
    pilots = {run.id: run for run in found if run.spec.dataset_name.startswith(f"{name}@")}
    with st.expander("How many examples does it take?", icon=":material/ssid_chart:"):
        if len(pilots) < 2:
            st.caption(
                "With two finished runs over this dataset their variance tells how many examples "
                "and repeats detect a difference. Run a few rows of each first."
            )
            return
        with errors_shown():
            _plan(pilots)


def _plan(pilots: dict[str, Run]) -> None:
    ids = list(pilots)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first, second = (
            st.selectbox(
                label,
                ids,
                index,
                key=f"power.{label}",
                format_func=lambda run_id: pilots[run_id].name,
                width=280,
            )
            for label, index in (("Pilot", 0), ("Second pilot", 1))
        )
        keys = {metric.key for metric in pilots[first].spec.metrics}
        shared = [each.key for each in pilots[second].spec.metrics if each.key in keys]
        metric = st.selectbox("Metric", shared, key="power.metric", width=200)
        difference = st.number_input(
            "Difference to detect",
            min_value=0.001,
            value=0.05,
            step=0.01,
            format="%.3f",
            key="power.difference",
            help="In the metric's unit: 0.05 is five points of a share.",
            width=180,
        )
    if first == second or metric is None:
        st.caption("Choose two runs that share a metric.")
        return
    if st.button("Plan", icon=":material/calculate:"):
        st.session_state["power.plan"] = workbench().plan_power((first, second), metric, difference)
    planned: PowerPlan | None = st.session_state.get("power.plan")
    if planned is not None:
        _table(planned)


def _table(planned: PowerPlan) -> None:
    st.caption(
        plain(
            f"To detect {planned.difference:g} in {planned.metric} {planned.power:.0%} of the "
            f"time, by the variance of {planned.examples:,} pilot examples:"
        )
    )
    if planned.cluster_note:
        st.caption(plain(planned.cluster_note))
    rows = [
        {
            "Examples": plan.examples,
            "Repeats": plan.repeats,
            "Calls for each run": plan.samples,
            "Power": f"{plan.power:.0%}",
            "": "" if plan.enough_examples else "more examples than the dataset has",
        }
        for plan in planned.plans[:PLANS_SHOWN]
    ]
    data_table(pd.DataFrame(rows), "power-plans", alt="Plans that reach the power")
    if planned.pilot.within is None:
        st.caption("The pilot has no repeats, so it cannot tell what repeats would save.")
