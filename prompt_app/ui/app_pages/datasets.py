"""Datasets: all of them, and a form to add one."""

import streamlit as st

from prompt_app.ui.components.dataset_list import dataset_list, go_to_added, note_added
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.uploads import upload_form
from prompt_app.ui.state import workbench

go_to_added()
st.title("Datasets")
with (
    st.expander(
        "Add a dataset",
        icon=":material/add:",
        expanded=workbench().curation.search(limit=1).total == 0,
    ),
    errors_shown(),
):
    upload_form(note_added)
dataset_list()
