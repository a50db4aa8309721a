"""Registers the custom functions that the machine's folder holds, and says what changed."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.ui.components.errors import errors_shown, show_message
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import person, workbench
from prompt_app.workbench.pipelines import Synchronisation

_DONE = "functions.synchronised"


def synchronise_section() -> None:
    """For admins; the report stays until the page is left."""
    folder = workbench().settings.custom_functions
    if not person().may(Role.ADMIN):
        st.caption(plain(f"An admin registers functions of your own from {folder}/custom_*.py."))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Synchronise",
            icon=":material/sync:",
            help="Reads the folder's files, which runs their code, and registers what is there.",
        )
        st.caption(plain(f"Functions of your own: {folder}/custom_*.py"), width="content")
    if pressed:
        with errors_shown():
            st.session_state[_DONE] = workbench().pipelines.synchronise()
    if _DONE in st.session_state:
        _report(st.session_state[_DONE])


def _report(done: Synchronisation) -> None:
    parts = [
        f"{what}: {', '.join(names)}"
        for what, names in (
            ("Added", done.added),
            ("Changed", done.changed),
            ("Removed", done.removed),
        )
        if names
    ]
    st.success(plain(". ".join(parts) or "Nothing changed."), icon=":material/check:")
    for problem in done.problems:
        show_message(problem)
    for name, reason in done.invalid.items():
        st.warning(plain(f"Pipeline {name} cannot be called. {reason}"), icon=":material/warning:")
