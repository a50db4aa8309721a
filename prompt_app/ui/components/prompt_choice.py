"""Which prompt, which version of it, and what of it a page shows: all in the address."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from prompt_app.datamodel.prompt import PromptVersion
from prompt_app.errors import UnknownNameError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.state import PROMPTS, workbench

View = Literal["Edit", "Versions", "Compare", "Scores"]
_VIEWS: list[View] = ["Edit", "Versions", "Compare", "Scores"]


def chosen_prompt() -> PromptVersion | None:
    """The version that ``?name=`` and ``?version=`` (a number or label; else the newest) say;
    None for a new prompt. Ends the page where there is no such one. From then on the address
    names the version: whoever writes over it keeps it, although a newer one may come."""
    name = st.query_params.get("name", "")
    if not name:
        return None
    which = st.query_params.get("version") or None
    try:
        found = workbench().prompt_library.version(name, which)
        if which is None:
            st.query_params["version"] = str(found.number)
        return found
    except UnknownNameError as error:
        show_message(str(error))
    if st.button("All prompts", type="primary"):
        st.switch_page(PROMPTS)
    st.stop()


def view_choice() -> View:
    found = st.segmented_control(
        "Show",
        _VIEWS,
        default="Edit",
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    return found or "Edit"


def show_version(number: int) -> None:
    """For buttons: the editor, with this version in it."""
    st.query_params["version"] = str(number)
    st.session_state["part"] = "Edit"


def show_difference(before: int, after: int) -> None:
    """For buttons: two versions side by side."""
    st.session_state["before"], st.session_state["after"] = before, after
    st.session_state["part"] = "Compare"
