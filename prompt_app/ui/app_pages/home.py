"""Home: what runs now, what finished lately, and a first step for a first visitor."""

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.overview import runs_now_and_lately, this_week
from prompt_app.ui.components.spend_alerts import raised_alerts
from prompt_app.ui.state import EVALUATE, may_edit, open_run, workbench

st.title("Prompt studio")
raised_alerts()
is_first_visit = workbench().list_runs(limit=1).total == 0
if is_first_visit:
    st.write(
        "Find out which prompt and model is best for your data, by how much, and where it fails."
    )
run_example = False
if may_edit():
    with st.container(horizontal=True):
        if not is_first_visit and st.button(
            "New evaluation", type="primary", icon=":material/add:"
        ):
            st.switch_page(EVALUATE)
        run_example = st.button(
            "Run the example",
            type="primary" if is_first_visit else "secondary",
            icon=":material/play_arrow:",
            help="Two prompts over 40 shipped questions. It needs no key and no network.",
        )
if run_example:
    with errors_shown():
        workbench().load_examples()
        evaluation = workbench().submit_evaluation(workbench().example_evaluation())
        open_run(evaluation.run_ids[0])
if not is_first_visit:
    this_week()
runs_now_and_lately()
