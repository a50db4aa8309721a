"""Home's list, which looks again by itself while something runs."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.evaluation import ACTIVE_STATES
from prompt_app.ui.components.run_list import run_cards
from prompt_app.ui.state import workbench

MOST_SHOWN = 10
LOOK_SECONDS = 2.0


def runs_now_and_lately() -> None:
    is_live = workbench().list_runs(states=ACTIVE_STATES, limit=1).total > 0
    st.fragment(_lists, run_every=LOOK_SECONDS if is_live else None)(is_live)


def _lists(is_live: bool) -> None:
    active = workbench().list_runs(states=ACTIVE_STATES, limit=MOST_SHOWN)
    if is_live and not active.items:
        st.rerun()
    if active.items:
        st.subheader("Running now")
        run_cards(active.items)
    ended = workbench().list_runs(
        states=("finished", "paused", "failed", "cancelled"), limit=MOST_SHOWN
    )
    if ended.items:
        st.subheader("Lately")
        run_cards(ended.items)
    elif not active.items:
        st.info(
            "No runs yet. Run the example to see how it works, or start an evaluation of your own.",
            icon=":material/info:",
        )
