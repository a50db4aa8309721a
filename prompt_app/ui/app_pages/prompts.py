"""Prompts: all of them, newest first."""

import streamlit as st

from prompt_app.ui.components.prompt_list import prompt_list
from prompt_app.ui.state import PROMPT, may_edit

st.title("Prompts")
if may_edit() and st.button("New prompt", type="primary", icon=":material/add:"):
    st.switch_page(PROMPT)
prompt_list()
