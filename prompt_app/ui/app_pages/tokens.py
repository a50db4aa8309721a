"""Tokens: who may call the gateway."""

import streamlit as st

from prompt_app.ui.components.audit_list import audit_list
from prompt_app.ui.components.token_form import token_form
from prompt_app.ui.components.token_list import token_list

st.title("Tokens")
st.caption("Programs call the gateway with a token. It is shown once, and kept as a hash.")
token_form()
token_list()
audit_list()
