"""What a visitor sees who is not logged in, or whom no role fits."""

from __future__ import annotations

import streamlit as st

from prompt_app.errors import LoginRequiredError, PermissionDeniedError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.wording import plain


def login_page(refusal: PermissionDeniedError) -> None:
    """The address stays as it is: the login leads back to it."""
    st.title("Prompt studio")
    if st.query_params.get("login") == "failed":
        show_message(
            "The login did not work. Try again; if it fails again, ask whoever runs this studio. "
            "Its log says why."
        )
    elif isinstance(refusal, LoginRequiredError):
        st.write(plain(str(refusal)))
    else:
        show_message(str(refusal))
    if isinstance(refusal, LoginRequiredError):
        if st.button("Log in", type="primary", icon=":material/login:"):
            st.login()
    elif st.button("Log out", icon=":material/logout:"):
        st.logout()
