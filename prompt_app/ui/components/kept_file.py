"""A file that came from the browser and is kept for a session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st


@dataclass(frozen=True)
class KeptFile:
    """A file on disk, under a name that says its format; gone when the session ends."""

    file_id: str
    name: str
    """As the person knows it."""
    path: Path
    folder: TemporaryDirectory[str]


def ticket_key(key: str) -> str:
    """Where the session keeps the ticket for the next file of the form ``key``."""
    return f"{key}.ticket"


def forget_file(key: str) -> None:
    """Delete the file of the form ``key``, which is empty again."""
    st.session_state.pop(ticket_key(key), None)
    kept: KeptFile | None = st.session_state.pop(key, None)
    if kept is not None:
        kept.folder.cleanup()
