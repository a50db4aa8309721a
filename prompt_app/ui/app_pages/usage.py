"""Usage: what the gateway was called for, and what it cost."""

import streamlit as st

from prompt_app.ui.components.usage_calls import usage_calls
from prompt_app.ui.components.usage_totals import usage_filter, usage_totals

st.title("Usage")
which = usage_filter()
usage_totals(which)
usage_calls(which)
