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


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """What a browser can show; exports hold all of it."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n… {len(text) - most:,} more characters"
