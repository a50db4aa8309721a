"""What the store holds, by kind."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

LOOK_AGAIN_SECONDS = 30
KINDS = {
    "dataset_versions": "Datasets",
    "examples": "Datasets",
    "version_rows": "Datasets",
    "prompt_versions": "Prompts",
    "prompt_labels": "Prompts",
    "evaluations": "Evaluations and runs",
    "runs": "Evaluations and runs",
    "samples": "Samples",
    "scores": "Scores",
    "replies": "Replies, kept as the cache",
}
"""Of tables whose own name does not say it."""


def storage_section() -> None:
    st.subheader("Storage")
    with st.spinner("Counting"):
        kinds = _kinds()
    data_table(
        kinds,
        "storage",
        width="content",
        column_config={
            "Rows": st.column_config.NumberColumn(format="localized"),
            "Size": st.column_config.NumberColumn(format="bytes"),
        },
        alt="What is stored: kinds, rows and size",
    )
    files = workbench().settings.resolved_blob_url
    st.caption(plain(f"Database: {workbench().backups.place}. Files: {files}."))


def kind_of(table: str) -> str:
    """What a table of the store holds, for people."""
    return KINDS.get(table, table.replace("_", " ").capitalize())


@st.cache_data(ttl=LOOK_AGAIN_SECONDS, show_spinner=False)
def _kinds() -> pd.DataFrame:
    usage = [
        {
            "Kind": kind_of(each.table),
            "Rows": each.rows,
            "Size": each.bytes,
        }
        for each in workbench().backups.usage()
        if each.rows
    ]
    frame = pd.DataFrame(usage, columns=["Kind", "Rows", "Size"])
    by_kind = frame.groupby("Kind", as_index=False, sort=False).sum(min_count=1)
    return by_kind.sort_values("Size", ascending=False, na_position="last")
