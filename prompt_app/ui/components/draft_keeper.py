"""What is written and not saved, kept by the browser's tab: it outlives a reload, a connection
that broke for long, and a server that started anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from prompt_app.ui.state import person

MOST_CHARACTERS = 2_000_000
"""Browsers keep about 5 MB for a site."""

_keeper = st.components.v2.component(
    "prompt-app.draft-keeper", html="<span hidden></span>", js="draft_keeper.js"
)


def keep_draft(name: str, draft: Any, restore: Callable[[Any], None]) -> None:
    """Keep ``draft``, which JSON can say, under ``name``; None forgets it.

    Where the tab has one from before this session, and there is none now, ``restore`` gets it;
    then the page runs anew. What it raises for a draft that no longer fits is swallowed: the page
    is as fresh as without one.
    """
    value = "" if draft is None else json.dumps(draft, ensure_ascii=False)
    place = f"prompt-app.draft.{person().id}.{name}"
    key = f"draft.{name}"

    def found() -> None:
        sent = st.session_state[key].found
        try:
            restore(json.loads(sent["value"]))
        except (KeyError, TypeError, ValueError):
            return
        st.toast("What you had written before is back.", icon=":material/history:")

    kept = value if len(value) <= MOST_CHARACTERS else ""
    _keeper(key=key, data={"place": place, "value": kept}, on_found_change=found, height=0)
