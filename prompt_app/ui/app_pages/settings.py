"""Settings: who I am, what the studio is connected to, what it keeps, and taking it away."""

import streamlit as st

from prompt_app.ui.components.account import account_section
from prompt_app.ui.components.backup_panel import backup_section
from prompt_app.ui.components.connections import connection_section
from prompt_app.ui.components.projects import projects_section
from prompt_app.ui.components.stored import storage_section

st.title("Settings")
account_section()
projects_section()
connection_section()
storage_section()
backup_section()
