"""Run: progress, scores, and every row behind them."""

import streamlit as st

from prompt_app.ui.components.call_section import call_section
from prompt_app.ui.components.judge_section import judge_section
from prompt_app.ui.components.progress import progress_panel
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.components.row_table import row_section
from prompt_app.ui.components.run_choice import chosen_run
from prompt_app.ui.components.run_spec import run_spec
from prompt_app.ui.components.scores import score_section, sibling_section
from prompt_app.ui.components.wording import plain

run = chosen_run()
st.title(plain(run.name))
with st.container():
    project_section("evaluation", run.evaluation_id)
for section in (
    progress_panel,
    score_section,
    call_section,
    sibling_section,
    judge_section,
    row_section,
    run_spec,
):
    with st.container():  # what is open or typed in it stays when a section above it changes
        section(run)
