"""All datasets: searched and paged in the database; what was removed can come back."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.project_move import project_badge, project_names
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.uploads import upload_form
from prompt_app.ui.components.wording import ago, plain, shortened
from prompt_app.ui.state import DATASET, may_edit, workbench

DATASETS_A_PAGE = 20
_ADDED = "datasets.added"


def dataset_list() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = search_field("Name, field, source or note")
        removed = st.toggle("Removed ones", key="removed", bind="query-params")
    found = paged(
        lambda offset: workbench().curation.search(
            text, archived=removed, offset=offset, limit=DATASETS_A_PAGE
        ),
        DATASETS_A_PAGE,
        "datasets",
        of=(text, removed),
    )
    if found.total == 0:
        _nothing(text, removed=removed)
        return
    projects = project_names("dataset", [version.name for version in found.items])
    for version in found.items:
        _card(version, projects.get(version.name), removed=removed)
    pager(found, DATASETS_A_PAGE, "dataset")


def _note_added(version: DatasetVersion) -> None:
    st.session_state[_ADDED] = version.name


def add_section() -> None:
    """The form for a file; open where there is no dataset yet."""
    if not may_edit():
        return
    is_first = workbench().curation.search(limit=1).total == 0
    with (
        st.expander("Add a dataset", icon=":material/add:", expanded=is_first),
        errors_shown(),
    ):
        upload_form(_note_added)


def go_to_added() -> None:
    """Opens the dataset that a form has just added."""
    name = st.session_state.pop(_ADDED, None)
    if name:
        st.switch_page(DATASET, query_params={"name": name})


def _card(version: DatasetVersion, project: str | None, *, removed: bool) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = version.name
            st.page_link(DATASET, label=f"**{plain(name)}**", query_params={"name": name})
            st.badge(f"version {version.number}", color="gray")
            project_badge(project)
            for split, rows in list(version.split_rows.items())[:5]:
                st.badge(plain(f"{split} {rows:,}"), color="blue")
            if removed and may_edit():
                st.button(
                    "Put back",
                    icon=":material/undo:",
                    key=f"restore.{version.name}",
                    on_click=workbench().curation.restore,
                    args=(version.name,),
                )
        facts = [counted(version.rows, "row"), shortened(", ".join(version.columns), 120)]
        facts += [version.source, ago(version.created_at)]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))


def _nothing(text: str, *, removed: bool) -> None:
    if text:
        st.info("No dataset fits. Clear the search.", icon=":material/info:")
    elif removed:
        st.info("No dataset was removed.", icon=":material/info:")
    else:
        st.info(
            "No dataset yet. Add a file with one row for each example: JSONL, CSV, XLSX or "
            "Parquet, or another tool's test cases.",
            icon=":material/info:",
        )
