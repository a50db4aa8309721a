"""Providers: what is configured, and what to do about what is not."""

from __future__ import annotations

import streamlit as st

from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.connections import Connection

LOOK_AGAIN_SECONDS = 60


def connection_section() -> None:
    st.subheader("Connections")
    with st.spinner("Looking for keys and credentials"):
        connections = _connections()
    for connection in connections:
        with st.container(horizontal=True, vertical_alignment="center"):
            if connection.state == "ready":
                st.badge("ready", icon=":material/check:", color="green")
            else:
                st.badge("not ready", icon=":material/remove:", color="gray")
            st.markdown(f"**{plain(connection.title)}**", width="content")
        st.caption(plain(connection.explanation))
    st.caption(
        "Nothing was sent to a provider: whether a key is good shows with the first call. "
        "Keys are set where the app is started, never here."
    )


@st.cache_data(ttl=LOOK_AGAIN_SECONDS, show_spinner=False)
def _connections() -> list[Connection]:
    return workbench().connections()
