"""The field that narrows a list down while one types."""

from __future__ import annotations

import streamlit as st

KEY = "q"


def search_field(
    placeholder: str, *, label: str = "Search", width: int = 320, key: str = KEY
) -> str:
    """What to look for, without spaces around it; it stands in the page's address. ``placeholder``
    says where it is looked for."""
    text = st.text_input(
        label,
        type="search",
        live="400ms",
        key=key,
        bind="query-params",
        placeholder=placeholder,
        width=width,
    )
    return (text or "").strip()
