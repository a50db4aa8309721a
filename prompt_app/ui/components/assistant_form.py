"""Assistants: a context, sample questions, models."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.serving import Assistant
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.project_move import project_section
from prompt_app.ui.state import may_edit, workbench

NEW = "New assistant"


def assistants() -> None:
    """What there are, and a form for one."""
    known = {each.name: each for each in workbench().serving_names.assistants()}
    if not may_edit():
        for name, each in known.items():
            st.text(f"{name}: {', '.join(each.models)}")
        return
    chosen = st.selectbox("Assistant", [NEW, *known], key="assistant", bind="query-params")
    present = known.get(chosen or NEW)
    with st.form(f"assistant-{chosen}"):
        name = st.text_input("Name", present.name if present else "")
        context = st.text_area("Context", present.context if present else "", height=160)
        questions = st.text_area(
            "Sample questions", "\n".join(present.questions) if present else "",
            help="One on each line.",
        )  # fmt: skip
        models = st.text_area(
            "Models", "\n".join(present.models) if present else "offline:echo",
            help="One on each line, e.g. openai:gpt-5-mini. The first answers by default.",
        )  # fmt: skip
        if st.form_submit_button("Save", type="primary"):
            _save(name, context, questions, models)
    if present is not None:
        project_section("assistant", present.name)
    if present is not None and st.button(f"Delete {present.name}", icon=":material/delete:"):
        workbench().serving_names.delete_assistant(present.name)
        st.toast(f"{present.name} is deleted.")
        st.rerun()


def _save(name: str, context: str, questions: str, models: str) -> None:
    with errors_shown():
        assistant = Assistant(
            name=name, context=context, questions=_lines(questions), models=_lines(models)
        )
        workbench().serving_names.save_assistant(assistant)
        st.success(f"Saved. Callers reach it as assistant/{name}.")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
