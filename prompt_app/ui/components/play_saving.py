"""Keeping what came out of the playground: a prompt's version, or a dataset's row."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.play_form import MOST_SHOWN, MOST_TYPED, OWN
from prompt_app.ui.components.verbatim import cut, verbatim
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.playing import PlannedCall

SAVING = "play.saving"
"""In the session's state while one of these dialogs is open."""


def _closed() -> None:
    st.session_state.pop(SAVING, None)


@st.dialog("Save the prompt", on_dismiss=_closed)
def save_prompt_dialog(call: PlannedCall) -> None:
    """The template, as a version of a prompt that is there or of a new one."""
    st.session_state[SAVING] = True
    known = call.title.partition("@")[0].partition(" · ")[0]
    name = st.text_input("Prompt", "" if known == OWN else known, placeholder="e.g. answer-briefly")
    known_versions = {version.name: version.number for version in workbench().list_prompts()}
    if (newest := known_versions.get(name.strip())) is not None:
        st.caption(plain(f"{name.strip()} is there: this follows its version {newest}."))
    note = st.text_input("What changed", placeholder="Optional")
    if st.button("Save version", type="primary", icon=":material/save:"):
        with errors_shown():
            saved = workbench().prompt_library.save(name.strip(), call.template, note)
            st.success(plain(f"Version {saved.number} of {saved.name}."))


@st.dialog("Save as a dataset's row", on_dismiss=_closed)
def save_row_dialog(fields: dict[str, Any], reply: str) -> None:
    """The input with a reference answer, at the end of a dataset that is there or of a new one."""
    st.session_state[SAVING] = True
    names = [version.name for version in workbench().list_datasets()]
    name = st.selectbox(
        "Dataset",
        names,
        index=None,
        accept_new_options=True,
        placeholder="Choose, or type a new name",
    )
    reference = _reference(reply)
    for field, value in fields.items():
        st.caption(plain(f"{field}: {str(value)[:200]}"))
    wanted = st.button("Save row", type="primary", icon=":material/save:", disabled=not name)
    if wanted and name:
        with errors_shown():
            saved = workbench().playground.save_row(name.strip(), fields, reference)
            st.success(
                plain(f"Row {saved.rows:,} of {saved.name}, which is version {saved.number} now.")
            )


def _reference(reply: str) -> str:
    if len(reply) <= MOST_TYPED:
        return st.text_area("Reference answer", reply, help="The reply; correct it if need be.")
    st.caption("Reference answer: the reply, too long to be edited here. It is saved whole.")
    verbatim(cut(reply, MOST_SHOWN))
    return reply
