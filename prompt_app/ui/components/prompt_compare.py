"""Any two versions of a prompt side by side, word by word."""

from __future__ import annotations

import streamlit as st

from prompt_app.ui.components.word_marks import words_beside
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

MOST_VERSIONS = 1000


def prompt_compare(name: str) -> None:
    library = workbench().prompt_library
    versions = {each.number: each for each in library.versions(name, limit=MOST_VERSIONS).items}
    if len(versions) < 2:
        st.info("There is one version only. Save another one to compare.", icon=":material/info:")
        return
    numbers = list(versions)
    titles = {
        number: f"Version {number}" + (f" ({', '.join(each.labels)})" if each.labels else "")
        for number, each in versions.items()
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        before, after = (
            st.selectbox(
                label,
                numbers,
                index,
                key=key,
                bind="query-params",
                format_func=titles.__getitem__,
                width=240,
            )
            for label, key, index in (("Before", "before", 1), ("After", "after", 0))
        )
        st.button("Swap", icon=":material/swap_horiz:", on_click=_swap, args=(before, after))
    for each in library.difference(versions[before].template, versions[after].template):
        sides = (
            f"{each.title_before or 'no message'}, version {before}",
            f"{each.title_after or 'no message'}, version {after}",
        )
        words_beside(each.before, each.after, sides, missing="No message here.")
    if versions[after].note:
        st.caption(plain(f"Note of version {after}: {versions[after].note}"))


def _swap(before: int, after: int) -> None:
    st.session_state["before"], st.session_state["after"] = after, before
