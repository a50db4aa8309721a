"""Search and page through all runs, in the database."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from prompt_app.datamodel.evaluation import ACTIVE_STATES, RunState
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.run_list import forget_picks, picked_runs, run_cards
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.state import EVALUATE, open_comparison, workbench

RUNS_A_PAGE = 20
LOOK_SECONDS = 2.0


def run_browser() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = search_field("Run, dataset or evaluation")
        states = st.pills(
            "State",
            get_args(RunState),
            selection_mode="multi",
            key="state",
            wrap=True,
            bind="query-params",
        )
    is_live = _is_any_active()
    st.fragment(_page, run_every=LOOK_SECONDS if is_live else None)(text, tuple(states), is_live)


def _is_any_active() -> bool:
    return workbench().list_runs(states=ACTIVE_STATES, limit=1).total > 0


def _page(text: str, states: tuple[RunState, ...], was_live: bool) -> None:
    if was_live and not _is_any_active():
        st.rerun()  # there is no more to look for
    found = paged(
        lambda offset: workbench().list_runs(
            states=states, text=text, offset=offset, limit=RUNS_A_PAGE
        ),
        RUNS_A_PAGE,
        "runs",
        of=(text, states),
    )
    if found.total == 0:
        _nothing(is_filtered=bool(text or states))
        return
    _picked_bar()
    run_cards(found.items, can_pick=True)
    pager(found, RUNS_A_PAGE, "run")


def _picked_bar() -> None:
    picked = picked_runs()
    with st.container(horizontal=True, vertical_alignment="center"):
        compare = st.button(
            f"Compare {len(picked)} runs" if len(picked) > 1 else "Compare",
            type="primary" if len(picked) > 1 else "secondary",
            icon=":material/compare_arrows:",
            disabled=len(picked) < 2,
        )
        if picked:
            st.button("Clear", on_click=forget_picks, type="tertiary")
        else:
            st.caption("Tick two or more runs. The first one ticked is the baseline.")
    if compare:
        open_comparison(picked)


def _nothing(*, is_filtered: bool) -> None:
    if is_filtered:
        st.info("No run fits. Clear the search or the states.", icon=":material/info:")
        return
    st.info("No runs yet. An evaluation makes one for each prompt and model.")
    if st.button("New evaluation", type="primary", icon=":material/add:"):
        st.switch_page(EVALUATE)
