"""Projects: making them, who is in them, what belongs to them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.project import Project, ProjectMember, ProjectRole
from prompt_app.errors import UnknownNameError
from prompt_app.ui.components.errors import errors_shown, show_message
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import everywhere, may_edit

PROJECTS_A_PAGE = 10
ITEMS_A_PAGE = 20
OPENED = "opened"
"""In the address, the project whose members and things are shown."""
ROLES = [role.value for role in ProjectRole]
ROLE_HELP = (
    "A viewer sees what belongs to the project, an editor changes it, an owner also changes the "
    "members. The role in the studio is the most that anyone may do."
)


def projects_section() -> None:
    """Nothing for a viewer without a project."""
    found = paged(
        lambda offset: everywhere().projects.page(offset=offset, limit=PROJECTS_A_PAGE),
        PROJECTS_A_PAGE,
        "projects",
    )
    if not found.total and not may_edit():
        return
    st.subheader("Projects")
    st.caption(
        "What belongs to a project is seen and changed by its members and by admins alone. "
        "Everything else is everyone's."
    )
    opened = _opened()
    if opened is not None and opened not in found.items:
        _project(opened, is_open=True)  # of another page of the list
    for project in found.items:
        _project(project, is_open=project == opened)
    if found.total > PROJECTS_A_PAGE:
        pager(found, PROJECTS_A_PAGE, "project")
    if may_edit():
        _new()


def _opened() -> Project | None:
    """The one that the address names."""
    which = st.query_params.get(OPENED, "")
    if not which:
        return None
    try:
        return everywhere().projects.get(which)
    except UnknownNameError as error:
        show_message(str(error))
        return None


def _turn(project_id: str) -> None:
    """Opened or closed by its head."""
    if st.session_state[f"project.{project_id}"]:
        st.query_params[OPENED] = project_id
    else:
        st.query_params.pop(OPENED, None)


def _new() -> None:
    with (
        st.expander("New project", icon=":material/add:"),
        st.form("project.new", border=False, clear_on_submit=False),
    ):
        name = st.text_input(
            "Name", placeholder="letters a to z, digits, dots and lines", max_chars=100
        )
        note = st.text_input("What it is about", max_chars=500)
        made = st.form_submit_button("Make the project", type="primary")
    if made:
        with errors_shown():
            st.query_params[OPENED] = everywhere().projects.create(name, note).id
            st.rerun()


def _project(project: Project, *, is_open: bool) -> None:
    label = f"{project.name} (archived)" if project.archived_at else project.name
    key = f"project.{project.id}"
    st.session_state[key] = is_open
    with st.expander(
        plain(label), icon=":material/group:", key=key, on_change=_turn, args=(project.id,)
    ):
        if is_open:
            _content(project)


def _content(project: Project) -> None:
    projects = everywhere().projects
    manages = projects.may_manage(project)
    if project.note:
        st.text(project.note)
    members = projects.members(project.id)
    for member in members:
        _member(project, member, manages=manages)
    if manages:
        _add_member(project, len(members))
    _items(project)
    if manages:
        _manage(project)


def _member(project: Project, member: ProjectMember, *, manages: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(member.member, width="stretch")
        if not manages:
            st.badge(member.role.value, color="gray")
            return
        key = f"project.{project.id}.{member.member}"
        role = st.selectbox(
            plain(f"Role of {member.member}"),
            ROLES,
            index=ROLES.index(member.role),
            key=f"{key}.role.{member.role}",
            label_visibility="collapsed",
            width=130,
        )
        gone = st.button(
            "Remove", key=f"{key}.remove", help=plain(f"Take {member.member} out of the project")
        )
    with errors_shown():
        if gone:
            everywhere().projects.remove_member(project.id, member.member)
            st.rerun()
        elif role != member.role:
            everywhere().projects.set_member(project.id, member.member, role)
            st.rerun()


def _add_member(project: Project, members: int) -> None:
    """A new, empty form for each one that was added."""
    with st.form(f"project.{project.id}.add.{members}", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            member = st.text_input(
                "New member", placeholder="E-mail address, or id of the login", max_chars=320
            )
            role = st.selectbox("Role", ROLES, help=ROLE_HELP, width=130)
            added = st.form_submit_button("Add")
        if added:
            with errors_shown():
                everywhere().projects.set_member(project.id, member, role)
                st.rerun()


def _items(project: Project) -> None:
    found = paged(
        lambda offset: everywhere().projects.items(project.id, offset=offset, limit=ITEMS_A_PAGE),
        ITEMS_A_PAGE,
        "project items",
        of=project.id,
        key="items",
    )
    if not found.total:
        st.caption("Nothing belongs to it yet. Choose it in the sidebar, or move something here.")
        return
    rows = [{"Kind": each.kind, "Name": each.name} for each in found.items]
    alt = f"What belongs to {project.name}"
    data_table(pd.DataFrame(rows), f"{project.name}-items", alt=alt, most=ITEMS_A_PAGE)
    if found.total > ITEMS_A_PAGE:
        pager(found, ITEMS_A_PAGE, "thing", key="items")


def _manage(project: Project) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", project.name, key=f"project.{project.id}.name", max_chars=100)
        renamed = st.button(
            "Rename", key=f"project.{project.id}.rename", disabled=name.strip() == project.name
        )
        archived = st.button(
            "Restore" if project.archived_at else "Archive",
            key=f"project.{project.id}.archive",
            help="What belongs to an archived project can be read, and not changed.",
        )
    with errors_shown():
        if renamed:
            everywhere().projects.rename(project.id, name)
            st.rerun()
        if archived:
            change = everywhere().projects
            (change.restore if project.archived_at else change.archive)(project.id)
            st.rerun()
