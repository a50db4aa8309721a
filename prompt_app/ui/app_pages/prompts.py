"""Prompts: all of them, newest first."""

import streamlit as st

from prompt_app.ui.components.prompt_list import prompt_list
from prompt_app.ui.state import PROMPT

st.title("Prompts")
if st.button("New prompt", type="primary", icon=":material/add:"):
    st.switch_page(PROMPT)
prompt_list()
