"""Assistants, and the aliases that callers use in the place of models."""

import streamlit as st

from prompt_app.ui.components.alias_form import aliases
from prompt_app.ui.components.assistant_form import assistants

st.title("Assistants")
st.caption(
    "A context, sample questions and models under one name, which callers use as assistant/NAME."
)
assistants()
aliases()
