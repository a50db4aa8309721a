"""What outlives one script run: the workbench that all sessions share, and what a session keeps."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence

import streamlit as st

from prompt_app.datamodel.access import Person, Role
from prompt_app.errors import LoginRequiredError, UnknownNameError
from prompt_app.settings import load_settings
from prompt_app.ui.login import visitor
from prompt_app.workbench import Workbench, open_workbench

HOME = "app_pages/home.py"
DATASETS = "app_pages/datasets.py"
DATASET = "app_pages/dataset.py"
PROMPTS = "app_pages/prompts.py"
PROMPT = "app_pages/prompt.py"
MODELS = "app_pages/models.py"
PLAYGROUND = "app_pages/playground.py"
EVALUATE = "app_pages/evaluate.py"
RUNS = "app_pages/runs.py"
RUN = "app_pages/run.py"
SETTINGS = "app_pages/settings.py"
COMPARE = "app_pages/compare.py"
FUNCTIONS = "app_pages/functions.py"
PIPELINES = "app_pages/pipelines.py"
PIPELINE = "app_pages/pipeline.py"
TOKENS = "app_pages/tokens.py"
USAGE = "app_pages/usage.py"
ASSISTANTS = "app_pages/assistants.py"
FINETUNING = "app_pages/finetuning.py"
LABEL = "app_pages/label.py"
RUBRICS = "app_pages/rubrics.py"
RUBRIC_TEST = "app_pages/rubric_test.py"

FOR, EVALUATION = "for", "evaluation"
"""``?for=evaluation``: what is made on the page goes back into the evaluation that waits for it."""

PROJECT = "project"
"""The widget, and in the page's address, whose project is looked at."""
_SUBMISSION = "submission"


@st.cache_resource(show_spinner=False)
def shared_workbench() -> Workbench:
    """The one of this process, in nobody's hands: pages take :func:`workbench`. It holds no job:
    runs are advanced by worker processes."""
    return open_workbench(load_settings())


def workbench() -> Workbench:
    """What the visitor may do in the project that is chosen. Raises PermissionDeniedError; where
    a login has ended meanwhile the page is first asked to run again, which then shows how to log
    in."""
    project = st.session_state.get(PROJECT)
    if project:
        with contextlib.suppress(UnknownNameError):  # it was left, or is called otherwise
            return _acting(project)
    return _acting(None)


def everywhere() -> Workbench:
    """As :func:`workbench`, in all projects of the visitor."""
    return _acting(None)


def _acting(project: str | None) -> Workbench:
    try:
        return shared_workbench().acting_as(person(), project)
    except LoginRequiredError:
        st.rerun()  # does nothing within a callback
        raise


def person() -> Person:
    """Who looks at the page. Raises PermissionDeniedError."""
    return visitor(shared_workbench())


def may_edit() -> bool:
    """Whether to offer what changes something."""
    return person().may(Role.EDITOR)


def submission_key(content_id: str) -> str:
    """One key for each filled-in form: a double click on Start is one evaluation, a changed form
    is another."""
    token = st.session_state.setdefault(_SUBMISSION, secrets.token_hex(8))
    return f"studio-{token}-{content_id}"


def forget_submission() -> None:
    """The form was left: an equal one, filled in anew, is an evaluation of its own."""
    st.session_state.pop(_SUBMISSION, None)


def named_in_address(key: str, page: str) -> str:
    """What the address says ``page`` is about, empty where it says nothing.

    Leaving a page whose search or page number stands in the address makes Streamlit add a step
    without any of it to the browser's history: coming back to that step, the page is about what
    it was about last.
    """
    memory = f"{page}.last.{key}"
    name = st.query_params.get(key, "")
    if not name and (name := st.session_state.get(memory, "")):
        st.query_params[key] = name
    st.session_state[memory] = name
    return name


def open_comparison(run_ids: Sequence[str]) -> None:
    """Go to the page that compares the others with the first."""
    st.switch_page(COMPARE, query_params={"runs": ",".join(run_ids)})


def open_prompt(name: str, **query: str) -> None:
    """Go to a prompt's page."""
    st.switch_page(PROMPT, query_params={"name": name, **query})


def open_run(run_id: str) -> None:
    """Go to a run's page."""
    st.switch_page(RUN, query_params={"id": run_id})
