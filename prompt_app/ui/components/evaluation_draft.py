"""What has been filled in of an evaluation, kept where the page is reloaded."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.ui.components.draft_keeper import keep_draft

STEPS = ("dataset.", "prompt.", "model.", "parameter.", "metric.", "limit.")
"""The fields of the form have keys that start so."""
OWN = ("prompt.refs", "prompt.system", "prompt.user", "model.references", "model.other",
       "metric.options")  # fmt: skip
"""Without any of these nothing has been filled in yet that would be missed."""


def keep_evaluation() -> None:
    filled = {
        str(key): value
        for key, value in st.session_state.items()
        if str(key).startswith(STEPS) and _is_plain(value)
    }
    is_begun = any(filled.get(key) for key in OWN)
    keep_draft("evaluation", filled if is_begun else None, _take_back)


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    return value is None or isinstance(value, str | int | float | bool)


def _take_back(kept: dict[str, Any]) -> None:
    for key, value in kept.items():
        if key.startswith(STEPS) and _is_plain(value):
            st.session_state[key] = value
