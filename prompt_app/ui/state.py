"""What outlives one script run: the workbench that all sessions share, and what a session keeps."""

from __future__ import annotations

import secrets

import streamlit as st

from prompt_app.settings import load_settings
from prompt_app.workbench import Workbench, open_workbench

HOME = "app_pages/home.py"
EVALUATE = "app_pages/evaluate.py"
RUNS = "app_pages/runs.py"
RUN = "app_pages/run.py"

_SUBMISSION = "submission"


@st.cache_resource(show_spinner=False)
def workbench() -> Workbench:
    """The one of this process. It holds no job: runs are advanced by worker processes."""
    return open_workbench(load_settings())


def submission_key(content_id: str) -> str:
    """One key for each filled-in form: a double click on Start is one evaluation, a changed form
    is another."""
    token = st.session_state.setdefault(_SUBMISSION, secrets.token_hex(8))
    return f"studio-{token}-{content_id}"


def forget_submission() -> None:
    """The form was left: an equal one, filled in anew, is an evaluation of its own."""
    st.session_state.pop(_SUBMISSION, None)


def open_run(run_id: str) -> None:
    """Go to a run's page."""
    st.switch_page(RUN, query_params={"id": run_id})
