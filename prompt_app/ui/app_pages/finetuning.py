"""Fine-tuning: examples, what is wrong with them, a job, and all jobs."""

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.finetune_jobs import job_list
from prompt_app.ui.components.finetune_start import start_section
from prompt_app.ui.components.step import step
from prompt_app.ui.components.training_check import check_section
from prompt_app.ui.components.training_form import training_form
from prompt_app.ui.state import may_edit

st.title("Fine-tuning")
source, check = None, None
with step("Examples"), errors_shown():
    source = training_form()
with step("Check"), errors_shown():
    check = check_section(source)
if may_edit():
    with step("Job"), errors_shown():
        start_section(source, check)
job_list()
