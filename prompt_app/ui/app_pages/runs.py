"""Runs: all of them, newest first."""

import streamlit as st

from prompt_app.ui.components.run_browser import run_browser

st.title("Runs")
run_browser()
