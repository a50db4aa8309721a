"""Aliases: a name, the models behind it with their weights, and what answers when they fail."""

from __future__ import annotations

from functools import partial

import streamlit as st

from prompt_app.datamodel.serving import ModelRoute, RouteTarget
from prompt_app.errors import InputError
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.components.removal import confirm_removal
from prompt_app.ui.components.seen import (
    as_seen,
    changes_shown,
    forget_form,
    note_saved,
    with_open_form,
)
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench

NEW = "New alias"
_DELETED = "alias.deleted"
HELP = (
    "One on each line: a model, or prompt/NAME@label and the model that answers it. A number at "
    "the end is its weight, e.g. 'prompt/support@production openai:gpt-5-mini 3'."
)


def aliases() -> None:
    """What there are, and a form for one."""
    st.subheader("Aliases")
    st.caption("A name that callers use as a model, so that what answers can change behind it.")
    known = {each.name: each for each in workbench().serving_names.aliases()}
    if not may_edit():
        for name, each in known.items():
            st.text(f"{name}: {', '.join(_line(target) for target in each.targets)}")
        return
    _note_deleted()
    names = with_open_form("alias", [NEW, *known])
    chosen = st.selectbox("Alias", names, key="alias", bind="query-params")
    present = known.get(chosen or NEW)
    form = f"alias.{chosen}"
    seen = as_seen(form, present)
    _form(form, seen)
    changes_shown(form, seen, _present(seen))
    if present is not None:
        project_section("alias", present.name)
        if st.button(plain(f"Delete {present.name}"), icon=":material/delete:"):
            confirm_removal(
                f"Whoever calls {present.name} gets an error from then on.",
                "Delete",
                partial(_delete, present.name),
            )


def _form(form: str, seen: ModelRoute | None) -> None:
    with st.form(form):
        name = st.text_input("Name", seen.name if seen else "", key=f"{form}.name")
        targets = st.text_area(
            "Answered by", _lines(seen.targets if seen else ()), help=HELP, key=f"{form}.targets"
        )
        fallbacks = st.text_area(
            "When that fails, in order",
            _lines(seen.fallbacks if seen else ()),
            help=HELP,
            key=f"{form}.fallbacks",
        )
        left, right = st.columns(2)
        attempts = left.number_input(
            "Attempts", 1, 10, seen.attempts if seen else 2, key=f"{form}.attempts"
        )
        seconds = right.number_input(
            "Seconds for an answer",
            1.0,
            3600.0,
            seen.timeout_seconds if seen else 120.0,
            key=f"{form}.seconds",
        )
        if st.form_submit_button("Save", type="primary"):
            with errors_shown():
                if not targets.strip():
                    raise InputError("Answered by: name a model, one in each line.")
                route = ModelRoute(
                    name=name,
                    targets=_read(targets),
                    fallbacks=_read(fallbacks),
                    attempts=int(attempts),
                    timeout_seconds=float(seconds),
                )
                _save(form, seen, route)


def _delete(name: str) -> None:
    workbench().serving_names.delete_alias(name)
    st.session_state[_DELETED] = name


def _note_deleted() -> None:
    if name := st.session_state.pop(_DELETED, ""):
        forget_form(f"alias.{name}")
        st.session_state["alias"] = NEW
        st.toast(plain(f"{name} is deleted."))


def _present(seen: ModelRoute | None) -> ModelRoute | None:
    """What is stored now under the name that the form was opened with."""
    if seen is None:
        return None
    known = workbench().serving_names.aliases()
    return next((each for each in known if each.name == seen.name), None)


def _save(form: str, seen: ModelRoute | None, route: ModelRoute) -> None:
    is_same = seen is not None and seen.name == route.name
    workbench().serving_names.save_alias(route, based_on=seen if is_same else None)
    note_saved(form, route)
    st.success(plain(f"Saved. Callers use {route.name} as a model."))


def _read(text: str) -> tuple[RouteTarget, ...]:
    targets = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        weight = 1.0
        if len(words) > 1 and words[-1].replace(".", "", 1).isdecimal():
            weight = float(words.pop())
        if len(words) > 2:
            raise InputError(f"This line cannot be read: {line.strip()!r}. {HELP}")
        model = words[1] if len(words) == 2 else None
        targets.append(RouteTarget(model=words[0], prompt_model=model, weight=weight))
    return tuple(targets)


def _line(target: RouteTarget) -> str:
    words = [target.model, target.prompt_model or ""]
    if target.weight != 1:
        words.append(f"{target.weight:g}")
    return " ".join(word for word in words if word)


def _lines(targets: tuple[RouteTarget, ...]) -> str:
    return "\n".join(_line(target) for target in targets)
