"""Functions: what a pipeline can call."""

import streamlit as st

from prompt_app.ui.components.function_list import function_list, gone_functions
from prompt_app.ui.components.synchronising import synchronise_section

st.title("Functions")
st.caption("What a pipeline can call: functions that are built in, your own, and saved prompts.")
synchronise_section()
function_list()
gone_functions()
