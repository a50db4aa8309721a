"""Pipeline: its text and graph, calling it, and what its calls did."""

import streamlit as st

from prompt_app.ui.components.pipeline_calls import call_section, earlier_calls
from prompt_app.ui.components.pipeline_editor import chosen_pipeline, pipeline_editor
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.components.wording import plain

saved = chosen_pipeline()
st.title(plain(saved.name) if saved else "New pipeline")
if saved is not None:
    project_section("pipeline", saved.name)
draft = pipeline_editor(saved)
if draft is not None:
    call_section(draft, saved)
if saved is not None:
    earlier_calls(saved)
