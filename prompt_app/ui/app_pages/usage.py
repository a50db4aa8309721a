"""Usage: what the gateway was called for, and what it cost."""

import streamlit as st

from prompt_app.ui.components.spend_alerts import alert_settings, raised_alerts
from prompt_app.ui.components.usage_calls import usage_calls
from prompt_app.ui.components.usage_totals import usage_filter, usage_totals

st.title("Usage")
st.caption("Calls of the gateway and the playground. What evaluations cost stands at each run.")
raised_alerts()
which = usage_filter()
usage_totals(which)
usage_calls(which)
alert_settings()
