"""Text from a dataset or a model, shown as it is."""

from __future__ import annotations

import streamlit as st

MOST_CHARACTERS = 20_000


def verbatim(text: str) -> None:
    """Text from a dataset or a model: shown, never interpreted."""
    if text:
        st.code(cut(text), language=None, wrap_lines=True)
    else:
        st.caption("(empty)")


def cut(text: str) -> str:
    """What a browser can show; exports hold all of it."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n… {len(text) - MOST_CHARACTERS:,} more characters"
