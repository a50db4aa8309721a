"""Models: the catalogue, one model with its connection test, endpoints and presets of one's own."""

import streamlit as st

from prompt_app.ui.components.endpoint_form import endpoint_section
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.model_table import model_catalogue
from prompt_app.ui.components.model_view import model_view
from prompt_app.ui.components.preset_form import preset_section

st.title("Models")
reference = st.query_params.get("model", "")
view = st.segmented_control(
    "Show",
    ["Catalogue", "Endpoints", "Presets"],
    default="Catalogue",
    required=True,
    key="models",
    bind="query-params",
    label_visibility="collapsed",
)
with errors_shown():
    if view == "Endpoints":
        endpoint_section()
    elif view == "Presets":
        preset_section()
    elif reference:
        model_view(reference)
    else:
        model_catalogue()
