"""What can be done with a whole dataset: evaluate, rename, remove, put back."""

from __future__ import annotations

from functools import partial

import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.long_work import ended_work, start_work
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import DATASET, DATASETS, EVALUATE, may_edit, workbench


def dataset_actions(version: DatasetVersion) -> None:
    if workbench().curation.is_archived(version.name):
        _put_back(version.name)
        return
    if not may_edit():
        return
    with st.container(horizontal=True):
        if st.button("Evaluate", icon=":material/play_circle:", help="Use it in an evaluation"):
            st.session_state["dataset.source"] = "Stored dataset"
            st.session_state["dataset.name"] = version.name
            st.switch_page(EVALUATE)
        with st.popover("Rename", icon=":material/edit:"):
            _rename(version.name)
        if st.button(
            "Remove",
            icon=":material/delete:",
            help="Take it out of the lists. Runs that used it keep their rows, and it can be put "
            "back.",
        ):
            workbench().curation.archive(version.name)
            st.rerun()


def _put_back(name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(
            plain(f"{name} was removed: it is in no list. Runs that used it keep their rows."),
            icon=":material/delete:",
        )
        if may_edit() and st.button("Put back", icon=":material/undo:", type="primary"):
            workbench().curation.restore(name)
            st.rerun()
        if st.button("All datasets"):
            st.switch_page(DATASETS)


def _rename(name: str) -> None:
    new_name = st.text_input("New name", name, key="dataset.new_name", max_chars=100)
    st.caption(
        "All versions go under the new name. Runs keep the old one, which leaves the lists and "
        "can be put back."
    )
    place = f"rename.{name}"
    if st.button("Rename to this", type="primary", disabled=new_name.strip() == name):
        start_work(place, "Renaming", partial(workbench().curation.rename, name, new_name))
    if (work := ended_work(place)) is not None:
        try:
            renamed: DatasetVersion = work.result()
        except PromptAppError as error:
            show_message(message_of(error))
            return
        st.switch_page(DATASET, query_params={"name": renamed.name})
