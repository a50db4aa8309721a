"""Whose a thing is: said beside its name, and changed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.project import ItemKind
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import everywhere, may_edit

EVERYONE = "Everyone"
_MOVED = "project.moved"


def project_names(kind: ItemKind, names: Sequence[str]) -> dict[str, str]:
    """Name of a thing -> its project, of those on a list's page."""
    return everywhere().projects.of(kind, names)


def project_badge(project: str | None) -> None:
    """Nothing for what is everyone's."""
    if project is not None:
        st.badge(plain(project), color="violet", icon=":material/group:")


def project_section(kind: ItemKind, name: str, *, has_runs: bool = False) -> None:
    """On a thing's page: its project, and moving it. Nothing where there is no project."""
    projects = everywhere().projects
    known = [project.name for project in projects.all()]
    own = projects.of(kind, [name]).get(name)
    if not known and own is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        project_badge(own)
        if may_edit():
            with st.popover("Move to project", icon=":material/drive_file_move:"):
                _form(kind, name, own, known, has_runs=has_runs)
    if said := st.session_state.pop(_MOVED, None):
        st.toast(plain(said))


def _form(kind: ItemKind, name: str, own: str | None, known: list[str], *, has_runs: bool) -> None:
    places = [EVERYONE, *known]
    now = own or EVERYONE
    chosen = st.selectbox(
        "Belongs to",
        places,
        index=places.index(now) if now in places else 0,
        key=f"project.of.{kind}.{name}",
        help="Members of a project alone see what belongs to it.",
    )
    with_runs = has_runs and st.toggle(
        "Its evaluations, too", value=True, key=f"project.runs.{kind}.{name}"
    )
    if st.button("Move", type="primary", disabled=chosen == now, key=f"project.move.{kind}"):
        target = None if chosen == EVERYONE else chosen
        try:
            moved = everywhere().projects.move(kind, name, target, with_runs=with_runs)
        except PromptAppError as error:
            show_message(message_of(error))
            return
        along = f", with {counted(moved.evaluations, 'evaluation')}" if moved.evaluations else ""
        st.session_state[_MOVED] = f"{name} belongs to {chosen} now{along}."
        st.rerun()
