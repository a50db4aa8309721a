"""Rubrics: tests of them, what is tested, and the releases that came of it."""

import streamlit as st

from prompt_app.ui.components.rubric_files import dataset_section, experiment_section
from prompt_app.ui.components.rubric_form import rubric_form
from prompt_app.ui.components.rubric_releases import release_section
from prompt_app.ui.components.rubric_tests import test_list

st.title("Rubrics")
tests, experiments, datasets, releases = st.tabs(
    ["Tests", "Experiments", "Datasets", "Releases"],
    key="view",
    bind="query-params",
    on_change="rerun",
)
if tests.open:
    with tests:
        rubric_form()
        test_list()
if experiments.open:
    with experiments:
        experiment_section()
if datasets.open:
    with datasets:
        dataset_section()
if releases.open:
    with releases:
        release_section()
