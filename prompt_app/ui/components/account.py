"""Who is logged in, what they may do, and the way out."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import TOKENS, may_edit, person, workbench

ROLES = {
    Role.VIEWER: "You may look at everything, and change nothing.",
    Role.EDITOR: "You may change things and run evaluations.",
    Role.ADMIN: "You may do everything: also tokens, servers of models, backup and restore.",
}


def account_section() -> None:
    """Without a login it says who can use the studio."""
    st.subheader("You")
    who = person()
    if not workbench().settings.has_login:
        st.info(
            "No login is configured: whoever reaches this address is an admin. The studio listens "
            "on this machine only, unless PROMPT_APP_ALLOW_OPEN says otherwise.",
            icon=":material/lock_open:",
        )
        _tokens_link()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(who.name)}**", width="content")
        if who.email and who.email != who.name:
            st.text(who.email, width="content")
        st.badge(who.role.value, color="blue")
    st.caption(ROLES[who.role])
    _tokens_link()
    if st.button("Log out", icon=":material/logout:"):
        st.logout()


def _tokens_link() -> None:
    if may_edit():
        st.page_link(TOKENS, label="Your access tokens", icon=":material/key:")
