"""What a run is made of, as the file that would make it again."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.evaluation import Run


@st.fragment
def run_spec(run: Run) -> None:
    """Sent when it is opened: colouring it takes the browser 1.5 MB of scripts."""
    box = st.expander(
        "Everything that this run is made of",
        icon=":material/settings:",
        key="made_of",
        on_change="rerun",
        bind="query-params",
    )
    if box.open:
        with box:
            st.code(run.spec.to_yaml(), language="yaml")
