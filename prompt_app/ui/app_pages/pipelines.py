"""Pipelines: all of them, newest first."""

import streamlit as st

from prompt_app.ui.components.pipeline_list import pipeline_list
from prompt_app.ui.state import PIPELINE, may_edit

st.title("Pipelines")
if may_edit() and st.button("New pipeline", type="primary", icon=":material/add:"):
    st.switch_page(PIPELINE)
pipeline_list()
