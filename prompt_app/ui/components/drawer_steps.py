"""From one thing in a drawer to its neighbours in the list beside it, by keyboard too."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def drawer_steps(place: int, total: int, go: Callable[[int], None]) -> None:
    """The thing at ``place``, counted from 0, is shown; ``go`` is called with another place. At
    either end the buttons stay enabled: one that is disabled would lose the focus."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            on_click=go,
            args=(max(place - 1, 0),),
            shortcut="Left",
        )
        st.caption(f"{place + 1:,} of {total:,}")
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=go,
            args=(min(place + 1, total - 1),),
            shortcut="Right",
        )
