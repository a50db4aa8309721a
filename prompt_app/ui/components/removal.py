"""Asking before something is gone for good."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.wording import plain


@st.dialog("Are you sure?")
def confirm_removal(consequence: str, verb: str, remove: Callable[[], None]) -> None:
    """Calls ``remove``, which may raise PromptAppError, when the button ``verb`` is pressed; the
    page runs anew after it."""
    st.warning(plain(consequence), icon=":material/warning:")
    if st.button(plain(verb), type="primary", key="removal.confirmed"):
        with errors_shown():
            remove()
            st.rerun()
