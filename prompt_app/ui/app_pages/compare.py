"""Compare: runs matched by example, with verdicts, a leaderboard and the rows behind them."""

import streamlit as st

from prompt_app.ui.components.breakdown import breakdown_section
from prompt_app.ui.components.compare_choice import chosen_metric, chosen_runs
from prompt_app.ui.components.leaderboard import leaderboard_section
from prompt_app.ui.components.pair_list import pair_section
from prompt_app.ui.components.verdicts import verdict_section

st.title("Compare")
runs = chosen_runs()
with st.container():
    verdict_section(runs)
metric = chosen_metric(runs)
for section in (leaderboard_section, pair_section, breakdown_section):
    with st.container():  # what is open or typed in it stays when a section above it changes
        section(runs, metric)
