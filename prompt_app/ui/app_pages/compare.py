"""Compare: runs matched by example, with verdicts, a leaderboard and the rows behind them."""

import streamlit as st

from prompt_app.ui.components.breakdown import breakdown_section
from prompt_app.ui.components.compare_choice import chosen_metric, chosen_runs
from prompt_app.ui.components.leaderboard import leaderboard_section
from prompt_app.ui.components.pair_list import pair_section
from prompt_app.ui.components.verdicts import verdict_section

st.title("Compare")
runs = chosen_runs()
verdict_section(runs)
metric = chosen_metric(runs)
leaderboard_section(runs, metric)
pair_section(runs, metric)
breakdown_section(runs, metric)
