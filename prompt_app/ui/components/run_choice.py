"""Which run a page is about: the one that its address names."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import UnknownNameError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.state import RUN, RUNS, named_in_address, workbench


def chosen_run() -> Run:
    """The run of ``?id=``. Without one the page says so and ends."""
    run_id = named_in_address("id", RUN)
    if run_id:
        try:
            return workbench().run(run_id)
        except UnknownNameError as error:
            show_message(str(error))
    else:
        st.info("This address names no run.", icon=":material/info:")
    if st.button("All runs", type="primary"):
        st.switch_page(RUNS)
    st.stop()
