"""Datasets: all of them, and a form to add one."""

import streamlit as st

from prompt_app.ui.components.dataset_list import add_section, dataset_list, go_to_added

go_to_added()
st.title("Datasets")
add_section()
dataset_list()
