"""Paging through a list that the database pages. The page's number stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import ceil
from typing import Any, TypeVar

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.interfaces import Page

Item = TypeVar("Item")
KEY = "page"


def paged(
    fetch: Callable[[int], Page[Item]],
    size: int,
    what: str,
    *,
    of: Hashable = (),
    key: str = KEY,
) -> Page[Item]:
    """The page that the address names, of those that ``fetch`` gives for an offset.

    It is the first one where the address names none that there is, and where ``of``, how the list
    of ``what`` is narrowed down, has changed since it was last drawn.
    """
    memory = f"{key}.of.{what}"
    if st.session_state.get(memory, of) != of:
        go_to_page(1, key)
    st.session_state[memory] = of
    number = _number(key)
    found = fetch((number - 1) * size)
    if found.total and not found.items and number > 1:
        go_to_page(1, key)
        found = fetch(0)
    return found


def pager(found: Page[Any], size: int, noun: str, *, key: str = KEY, order: str = "") -> None:
    """How many there are, ``order``, and the pages where there is more than one."""
    pages = ceil(found.total / size)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        count = counted(found.total, noun)
        if found.searched is not None:
            count += f" among the first {found.searched:,} searched"
        st.caption(", ".join(part for part in (count, order) if part))
        if pages > 1:
            st.pagination(pages, key=key, bind="query-params", width=300)


def go_to_page(number: int, key: str = KEY) -> None:
    """Takes effect where the pager has not been drawn yet in this run of the script."""
    st.session_state[key] = number


def _number(key: str) -> int:
    """Before the pager was ever drawn, only the address knows."""
    named = st.session_state.get(key, st.query_params.get(key, 1))
    try:
        return max(1, int(named))
    except ValueError:
        return 1
