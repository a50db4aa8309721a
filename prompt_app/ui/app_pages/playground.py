"""Playground: one input against several prompts and models at once."""

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.play_form import play_input, play_models, play_prompts
from prompt_app.ui.components.play_results import play_results, start_section
from prompt_app.ui.components.prompt_draft import keep_drafts
from prompt_app.ui.components.step import step

st.title("Playground")
prompts, models, given = [], [], None

left, right = st.columns(2, gap="medium")
with left:
    with step("Prompts"), errors_shown():
        prompts = play_prompts()
    with step("Models"), errors_shown():
        models = play_models()
with right, step("Input"), errors_shown():
    given = play_input(prompts)
with errors_shown():
    start_section(prompts, models, given)
play_results()
keep_drafts()
