"""Home: what runs now, what finished lately, and a first step for a first visitor."""

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.overview import runs_now_and_lately
from prompt_app.ui.state import EVALUATE, may_edit, open_run, workbench

st.title("Prompt studio")
is_first_visit = workbench().list_runs(limit=1).total == 0
if is_first_visit:
    st.write(
        "Find out which prompt and model is best for your data, by how much, and where it fails."
    )
if may_edit():
    with st.container(horizontal=True):
        run_example = st.button(
            "Run the example",
            type="primary" if is_first_visit else "secondary",
            icon=":material/play_arrow:",
            help="Two prompts over 40 shipped questions. It needs no key and no network.",
        )
        if st.button(
            "New evaluation",
            type="secondary" if is_first_visit else "primary",
            icon=":material/add:",
        ):
            st.switch_page(EVALUATE)
if may_edit() and run_example:
    with errors_shown():
        workbench().load_examples()
        evaluation = workbench().submit_evaluation(workbench().example_evaluation())
        open_run(evaluation.run_ids[0])
runs_now_and_lately()
