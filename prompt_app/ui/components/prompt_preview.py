"""A draft on a row of a dataset, as a model would get it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion, Example
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.prompt_draft import Draft
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.state import workbench


@dataclass(frozen=True)
class ChosenRow:
    """A row, and what a placeholder can name."""

    dataset: DatasetVersion
    example: Example
    fields: tuple[str, ...]


def row_choice() -> ChosenRow | None:
    """A stored dataset's newest version and one of its rows, both in the address."""
    names = [version.name for version in workbench().list_datasets()]
    if not names:
        st.caption("With a dataset in the store, its fields are offered and a row is shown here.")
        return None
    with st.container(horizontal=True):
        name = st.selectbox("On dataset", names, key="on", bind="query-params", width=200)
        if name is None:
            return None
        dataset = workbench().dataset(name)
        row = st.number_input(
            "Row", 1, max(dataset.rows, 1), 1, key="on_row", bind="query-params", width=120
        )
    library = workbench().prompt_library
    try:
        return ChosenRow(dataset, library.example(dataset, int(row)), library.fields(dataset))
    except PromptAppError as error:
        show_message(str(error))
        return None


def preview(draft: Draft, row: ChosenRow | None) -> None:
    """The messages, or what is wrong with the draft; the draft itself stays as it is."""
    if row is None:
        return
    if not any(each.content.strip() for each in draft.messages):
        st.caption("Write a message. A field's name in braces stands for its value.")
        return
    try:
        found = workbench().prompt_library.render(draft.template(), row.dataset, row.example)
    except PromptAppError as error:
        show_message(str(error))
        return
    for message in found.messages:
        st.caption(message.role)
        verbatim(message.content)
    st.caption(f"About {found.tokens:,} input tokens")
