"""Evaluate: dataset, prompts, models, metrics; what it will take; start."""

import streamlit as st

st.title("New evaluation")
