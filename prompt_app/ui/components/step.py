"""A step of a form: a titled box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from prompt_app.ui.components.wording import plain


@contextmanager
def step(title: str) -> Iterator[None]:
    with st.container(border=True):
        st.subheader(plain(title))
        yield
