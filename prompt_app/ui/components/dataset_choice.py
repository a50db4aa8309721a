"""Which dataset version a page is about: the one that its address names."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.errors import UnknownNameError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.wording import ago, plain
from prompt_app.ui.state import DATASET, DATASETS, named_in_address, workbench

_SAVED = "version.saved"


def chosen_versions() -> list[DatasetVersion]:
    """All versions, newest first, of the dataset of ``?name=``. Without one the page says so and
    ends."""
    name = named_in_address("name", DATASET)
    if name:
        try:
            return workbench().dataset_versions(name)
        except UnknownNameError as error:
            show_message(str(error))
    else:
        st.info("This address names no dataset.", icon=":material/info:")
    if st.button("All datasets", type="primary"):
        st.switch_page(DATASETS)
    st.stop()


def chosen_version(versions: list[DatasetVersion]) -> DatasetVersion:
    """The one of ``?version=``, or the newest; where there is no such one, that is said."""
    numbers = {version.number: version for version in versions}
    named = st.query_params.get("version", "")
    if named and named not in {str(number) for number in numbers}:
        newest = versions[0]
        show_message(f"{newest.name} has no version {named}. This is version {newest.number}.")
    saved = st.session_state.pop(_SAVED, None)
    if saved in numbers:
        st.session_state["version"] = saved
    if len(numbers) == 1:
        return versions[0]
    number = st.selectbox(
        "Version",
        list(numbers),
        key="version",
        bind="query-params",
        width=140,
    )
    return numbers[number]


def go_to_version(number: int) -> None:
    """The page is about that version from now on."""
    st.session_state[_SAVED] = number
    st.rerun()


def version_facts(version: DatasetVersion) -> None:
    facts = [
        f"saved {ago(version.created_at)}",
        counted(version.rows, "row"),
        counted(len(version.columns), "field"),
    ]
    facts.append(f"reference answers in {version.options.reference_field}")
    if version.skipped_rows:
        facts.append(f"{counted(version.skipped_rows, 'bad row')} skipped")
    if version.source:
        facts.append(f"from {version.source}")
    st.caption(plain(" · ".join(facts)))
    if version.note:
        st.caption(plain(version.note))
