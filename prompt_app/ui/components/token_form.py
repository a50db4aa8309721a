"""Making a token."""

from __future__ import annotations

from typing import Any

import streamlit as st

from prompt_app.datamodel.access import Role
from prompt_app.datamodel.serving import Scope
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.token_fields import limit_fields, show_secret
from prompt_app.ui.state import everywhere, may_edit, person


def token_form() -> None:
    """A form, and the secret once it is made."""
    if not may_edit():
        st.info("Viewers have no tokens of their own. An admin can make one for you.")
        return
    scopes = [Scope.READ, Scope.INVOKE]
    if person().may(Role.ADMIN):
        scopes.append(Scope.ADMIN)
    with st.expander("New token", icon=":material/add:"), st.form("token", border=False):
        name = st.text_input("Name", placeholder="What the token is for", max_chars=100)
        chosen = st.multiselect("May", scopes, default=scopes[:2], format_func=_described)
        days = st.number_input(
            "Days until it expires", min_value=1, value=None, placeholder="Never"
        )
        models, limits = limit_fields()
        project = _project()
        if st.form_submit_button("Make the token", type="primary"):
            _make(name, days, scopes=chosen, models=models, limits=limits, project=project)


def _project() -> str | None:
    """Nothing to choose where there is no project."""
    projects = [each.name for each in everywhere().projects.all()]
    if not projects:
        return None
    return st.selectbox(
        "Project",
        projects,
        index=None,
        placeholder="All of mine",
        help="The token reaches this project and what is everyone's.",
    )


def _make(name: str, days: float | None, **wanted: Any) -> None:
    with errors_shown():
        made = everywhere().access_tokens.create(name, days=days, **wanted)
        show_secret(made.secret)


def _described(scope: Scope) -> str:
    return {
        Scope.READ: "read: lists and stored replies",
        Scope.INVOKE: "invoke: call models, prompts and pipelines",
        Scope.ADMIN: "admin: the gateway's metrics",
    }[scope]
