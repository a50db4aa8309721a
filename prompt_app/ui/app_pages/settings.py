"""Settings: who I am, what the studio is connected to, what it keeps."""

import streamlit as st

from prompt_app.ui.components.account import account_section

st.title("Settings")
account_section()
