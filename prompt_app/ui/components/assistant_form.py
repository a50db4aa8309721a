"""Assistants: a context, sample questions, models."""

from __future__ import annotations

from functools import partial

import streamlit as st

from prompt_app.datamodel.serving import Assistant
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

NEW = "New assistant"
_DELETED = "assistant.deleted"


def assistants() -> None:
    """What there are, and a form for one."""
    known = {each.name: each for each in workbench().serving_names.assistants()}
    if not may_edit():
        for name, each in known.items():
            st.text(f"{name}: {', '.join(each.models)}")
        return
    _note_deleted()
    names = with_open_form("assistant", [NEW, *known])
    chosen = st.selectbox("Assistant", names, key="assistant", bind="query-params")
    present = known.get(chosen or NEW)
    form = f"assistant.{chosen}"
    seen = as_seen(form, present)
    with st.form(form):
        name = st.text_input("Name", seen.name if seen else "", key=f"{form}.name")
        context = st.text_area(
            "Context", seen.context if seen else "", height=160, key=f"{form}.context"
        )
        questions = st.text_area(
            "Sample questions", "\n".join(seen.questions) if seen else "",
            help="One on each line.", key=f"{form}.questions",
        )  # fmt: skip
        models = st.text_area(
            "Models", "\n".join(seen.models) if seen else "offline:echo",
            help="One on each line, e.g. openai:gpt-5-mini. The first answers by default.",
            key=f"{form}.models",
        )  # fmt: skip
        if st.form_submit_button("Save", type="primary"):
            _save(form, seen, _written(name, context, questions, models))
    changes_shown(form, seen, _present(seen))
    if present is not None:
        project_section("assistant", present.name)
        if st.button(plain(f"Delete {present.name}"), icon=":material/delete:"):
            confirm_removal(
                f"Whoever calls assistant/{present.name} gets an error from then on.",
                "Delete",
                partial(_delete, present.name),
            )


def _delete(name: str) -> None:
    workbench().serving_names.delete_assistant(name)
    st.session_state[_DELETED] = name


def _note_deleted() -> None:
    if name := st.session_state.pop(_DELETED, ""):
        forget_form(f"assistant.{name}")
        st.session_state["assistant"] = NEW
        st.toast(plain(f"{name} is deleted."))


def _written(name: str, context: str, questions: str, models: str) -> dict[str, object]:
    return {
        "name": name,
        "context": context,
        "questions": _lines(questions),
        "models": _lines(models),
    }


def _present(seen: Assistant | None) -> Assistant | None:
    """What is stored now under the name that the form was opened with."""
    if seen is None:
        return None
    known = workbench().serving_names.assistants()
    return next((each for each in known if each.name == seen.name), None)


def _save(form: str, seen: Assistant | None, written: dict[str, object]) -> None:
    with errors_shown():
        assistant = Assistant.model_validate(written)
        is_same = seen is not None and seen.name == assistant.name
        based_on = seen if is_same else None
        workbench().serving_names.save_assistant(assistant, based_on=based_on)
        note_saved(form, assistant)
        st.success(plain(f"Saved. Callers reach it as assistant/{assistant.name}."))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
