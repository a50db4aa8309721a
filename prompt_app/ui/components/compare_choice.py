"""Which runs are compared, and by which metric: both stand in the page's address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.state import RUNS, workbench

RECENT = 100
"""Runs that are offered; others come from the page of all runs."""
MOST_RUNS = 12
_CHOSEN, _BASELINE = "compare.runs", "compare.baseline"


def chosen_runs() -> list[Run]:
    """The runs of ``?runs=a,b``, the baseline first. With fewer than two the page ends here."""
    named = [each for each in st.query_params.get("runs", "").split(",") if each]
    runs = {run.id: run for run_id in named if (run := _found(run_id)) is not None}
    recent = workbench().list_runs(limit=RECENT).items
    offered = {run.id: run for run in [*runs.values(), *recent]}
    labels = run_labels(list(offered.values()))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # The address is the truth: a link to this page changes what is chosen.
        st.session_state[_CHOSEN] = list(runs)
        st.multiselect(
            "Runs",
            list(offered),
            format_func=lambda run_id: labels[run_id],
            key=_CHOSEN,
            on_change=_runs_changed,
            max_selections=MOST_RUNS,
            placeholder="Choose two or more",
        )
        if len(runs) > 1:
            st.session_state[_BASELINE] = next(iter(runs))
            st.selectbox(
                "Baseline",
                list(runs),
                format_func=lambda run_id: labels[run_id],
                key=_BASELINE,
                on_change=_baseline_changed,
                width=300,
                help="The others are compared with this one.",
            )
    if len(runs) < 2:
        st.info(
            "Choose two or more runs over the same dataset. They are matched row by row.",
            icon=":material/info:",
        )
        if st.button("All runs", icon=":material/list_alt:"):
            st.switch_page(RUNS)
        st.stop()
    return list(runs.values())


def chosen_metric(runs: Sequence[Run]) -> str:
    """One of the metrics that all runs have. Without any the page ends here."""
    shared = [
        spec.key
        for spec in runs[0].spec.metrics
        if all(spec.key in {each.key for each in run.spec.metrics} for run in runs[1:])
    ]
    if not shared:
        st.info(
            "No metric is common to all of these runs, so nothing can be compared. Choose runs "
            "with a metric in common. Whoever runs this server can add one to finished runs with "
            "`prompt-app rescore`, which calls no model.",
            icon=":material/info:",
        )
        st.stop()
    return st.selectbox(
        "Metric", shared, key="metric", bind="query-params", width=300,
        help="Of the leaderboard, the examples and the groups below.",
    )  # fmt: skip


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """Run id -> its name, with the id behind it where several share the name."""
    names = Counter(run.name for run in runs)
    return {run.id: run.name if names[run.name] == 1 else f"{run.name} ({run.id})" for run in runs}


def stamp_of(runs: Sequence[Run]) -> str:
    """Changes with whatever is stored of the runs, or with their order."""
    return content_hash([run.model_dump_json() for run in runs])


def _found(run_id: str) -> Run | None:
    try:
        return workbench().run(run_id)
    except PromptAppError as error:
        show_message(str(error))
        return None


def _runs_changed() -> None:
    st.query_params["runs"] = ",".join(st.session_state[_CHOSEN])


def _baseline_changed() -> None:
    first = st.session_state[_BASELINE]
    others = [run_id for run_id in st.session_state[_CHOSEN] if run_id != first]
    st.query_params["runs"] = ",".join([first, *others])
