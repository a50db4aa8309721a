"""Prompt: its editor, versions, what changed between two, and how they scored."""

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.components.prompt_choice import chosen_prompt, view_choice
from prompt_app.ui.components.prompt_compare import prompt_compare
from prompt_app.ui.components.prompt_editor import prompt_editor
from prompt_app.ui.components.prompt_history import prompt_history
from prompt_app.ui.components.prompt_scores import prompt_scores
from prompt_app.ui.components.wording import plain

chosen = chosen_prompt()
st.title(plain(chosen.name) if chosen else "New prompt")
if chosen:
    project_section("prompt", chosen.name, has_runs=True)
view = view_choice() if chosen else "Edit"
with errors_shown():
    if chosen is None or view == "Edit":
        prompt_editor(chosen)
    elif view == "Versions":
        prompt_history(chosen.name)
    elif view == "Compare":
        prompt_compare(chosen.name)
    else:
        prompt_scores(chosen.name)
