"""Paging through a list that the database pages."""

from __future__ import annotations

from math import ceil

import streamlit as st


def page_offset(key: str, size: int) -> int:
    """The offset that the pager named ``key`` stands at; 0 before it was drawn."""
    return (int(st.session_state.get(key, 1)) - 1) * size


def pager(key: str, total: int, size: int, noun: str) -> None:
    """How many there are, and the pages where there is more than one."""
    pages = ceil(total / size)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.caption(f"{total:,} {noun}{'s' if total != 1 else ''}")
        if pages > 1:
            st.pagination(pages, key=key, width=300)
