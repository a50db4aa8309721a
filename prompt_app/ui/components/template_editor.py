"""A text area for one message of a template: placeholders are marked, and completed from a
dataset's fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from prompt_app.datamodel.rendering import Notation

_editor = st.components.v2.component(
    "prompt-app.template-editor",
    html="""
<label for="text">Text</label>
<div class="frame">
  <div class="box">
    <div class="layer" aria-hidden="true"></div>
    <textarea id="text" spellcheck="false" aria-autocomplete="list" aria-controls="fields"
      aria-describedby="hint"></textarea>
  </div>
  <ul id="fields" role="listbox" aria-label="Fields" hidden></ul>
</div>
<div id="hint" class="hint" role="status"></div>
""",
    css="template_editor.css",
    js="template_editor.js",
)


def template_editor(
    label: str,
    value: str,
    *,
    key: str,
    fields: Sequence[str] = (),
    notation: Notation = "single",
    placeholder: str = "",
    unsaved: bool = False,
) -> str:
    """The text as it stands now; ``value`` is what it starts with.

    The script runs again soon after typing pauses, and when the field is left. Another ``key``
    makes another field: the browser keeps what is typed into this one, whatever ``value`` says
    later. Without ``fields`` every placeholder counts as known. Where the text is ``unsaved``, or
    is changed after this, the browser asks before it leaves the studio.
    """
    # A field that is mounted anew starts with what was typed into the last one.
    value = _typed(st.session_state.get(_memory(key)), key, value)
    data: dict[str, Any] = {
        "label": label,
        "value": value,
        "revision": key,
        "fields": list(fields),
        "notation": notation,
        "placeholder": placeholder,
        "unsaved": unsaved,
    }
    return _typed(_editor(key=key, data=data, on_text_change=lambda: _remember(key)), key, value)


def _typed(state: Any, key: str, otherwise: str) -> str:
    found = state.get("text") if state else None
    if not found or found.get("revision") != key:
        return otherwise
    text: str = found["value"]
    return text


def _remember(key: str) -> None:
    """Called even where the next page is asked for in the same breath: what was typed last stays,
    although the page that would read it does not run any more."""
    st.session_state[_memory(key)] = st.session_state[key]


def _memory(key: str) -> str:
    return f"{key}.typed"
