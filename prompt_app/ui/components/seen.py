"""Forms over something that somebody else may change meanwhile: nothing is overwritten unseen,
and nothing that was typed is lost."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from prompt_app.datamodel.base import Record

Kind = TypeVar("Kind", bound=Record)


def as_seen(form: str, present: Kind | None) -> Kind | None:
    """``present`` as it was when the form was opened; the form's widgets have keys that begin
    with ``form``."""
    if not _keys(form) or _seen(form) not in st.session_state:
        st.session_state[_seen(form)] = present
    seen: Kind | None = st.session_state[_seen(form)]
    return seen


def with_open_form(kind: str, names: Sequence[str]) -> list[str]:
    """``names``, and the chosen one (of the widget ``kind``) that was deleted while its form was
    open."""
    chosen: str | None = st.session_state.get(kind)
    if chosen is None or _seen(f"{kind}.{chosen}") not in st.session_state:
        return list(names)
    return list(dict.fromkeys([*names, chosen]))


def note_saved(form: str, saved: Record) -> None:
    st.session_state[_seen(form)] = saved


def changes_shown(form: str, seen: Record | None, present: Record | None) -> None:
    """What somebody else changed since the form was opened, and what can be done about it."""
    if seen == present:
        return
    st.warning(
        "This was changed by somebody else since you began. What you have written is kept.",
        icon=":material/warning:",
    )
    st.caption("What they changed:")
    show_difference(_text(seen), _text(present))
    with st.container(horizontal=True):
        st.button(
            "Let mine replace it",
            key=f"mine.{form}",
            on_click=_follow,
            args=(form, present),
            help="Your next save takes the place of theirs.",
        )
        st.button(
            "Take theirs",
            key=f"theirs.{form}",
            on_click=forget_form,
            args=(form,),
            help="What you have written is discarded.",
        )


def show_difference(before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "before", "after", lineterm=""
    )
    st.code("\n".join(lines), language="diff", wrap_lines=True)


def forget_form(form: str) -> None:
    """It is open no more: the next one begins with what is stored."""
    st.session_state.pop(_seen(form), None)
    for key in _keys(form):
        del st.session_state[key]


def _keys(form: str) -> list[str]:
    """Of its widgets. Names may have dots, fields have none."""
    return [str(key) for key in st.session_state if str(key).rpartition(".")[0] == form]


def _follow(form: str, present: Record | None) -> None:
    st.session_state[_seen(form)] = present


def _text(record: Record | None) -> str:
    return "" if record is None else record.to_yaml()


def _seen(form: str) -> str:
    return f"seen.{form}"
