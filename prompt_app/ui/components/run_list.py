"""Runs as cards: name, state, progress, scores; each a link to its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run, RunState
from prompt_app.datamodel.score import MetricSummary
from prompt_app.ui.components.project_move import project_badge, project_names
from prompt_app.ui.components.wording import ago, cost_fact, plain, quantity
from prompt_app.ui.state import RUN
from prompt_app.workbench.unpriced import run_cost

_PICKED = "runs.picked"
Color = Literal["red", "orange", "blue", "green", "gray"]
STATES: dict[RunState, tuple[Color, str]] = {
    "queued": ("gray", ":material/schedule:"),
    "running": ("blue", ":material/autorenew:"),
    "paused": ("orange", ":material/pause:"),
    "finished": ("green", ":material/check:"),
    "cancelled": ("gray", ":material/cancel:"),
    "failed": ("red", ":material/error:"),
}


def state_badge(run: Run) -> None:
    color, icon = STATES[run.state]
    wanted = {"pause": "pausing", "cancel": "cancelling"}.get(run.requested or "", run.state)
    st.badge(wanted, color=color, icon=icon)


def run_cards(runs: Sequence[Run], *, can_pick: bool = False) -> None:
    """``can_pick``: each card has a box that picks its run for a comparison."""
    projects = project_names("evaluation", [run.evaluation_id for run in runs])
    for run in runs:
        _card(run, projects.get(run.evaluation_id), can_pick=can_pick)


def picked_runs() -> list[str]:
    """Ids of the runs picked for a comparison, in the order of picking."""
    picked: list[str] = st.session_state.setdefault(_PICKED, [])
    return picked


def forget_picks() -> None:
    for run_id in picked_runs():
        st.session_state.pop(f"pick.{run_id}", None)
    st.session_state[_PICKED] = []


def _pick(run_id: str) -> None:
    others = [each for each in picked_runs() if each != run_id]
    st.session_state[_PICKED] = others
    if st.session_state[f"pick.{run_id}"]:
        others.append(run_id)


def _card(run: Run, project: str | None, *, can_pick: bool) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if can_pick:
                st.checkbox(
                    plain(f"Compare {run.name}"),
                    value=run.id in picked_runs(),
                    key=f"pick.{run.id}",
                    on_change=_pick,
                    args=(run.id,),
                    label_visibility="collapsed",
                )
            st.page_link(RUN, label=f"**{plain(run.name)}**", query_params={"id": run.id})
            state_badge(run)
            project_badge(project)
        progress = run.progress
        facts = [
            f"{run.spec.dataset_name}",
            f"{progress.done:,} of {counted(progress.total, 'sample')}",
        ]
        if progress.failed:
            facts.append(f"{progress.failed:,} failed")
        facts += [cost_fact(run_cost(run)), ago(run.created_at)]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))
        if run.state in ACTIVE_STATES:
            st.progress(progress.done / progress.total if progress.total else 0.0)
        elif run.summary:
            with st.container(horizontal=True):
                for summary in run.summary:
                    st.text(score_text(summary))


def score_text(summary: MetricSummary) -> str:
    """``squad_f1 0.81 [0.70, 0.90]``; n and what has no score stand on the run's page."""
    if summary.mean is None:
        return f"{summary.metric} no score"
    text = f"{summary.metric} {quantity(summary.mean, summary.unit)}"
    if summary.interval is not None:
        low, high = (quantity(end, "") for end in (summary.interval.lower, summary.interval.upper))
        text += f" [{low}, {high}]"
    return text
