"""All functions, to search."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.pipeline import FunctionInfo
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain, shortened
from prompt_app.ui.state import workbench

SOURCES = ("built-in", "custom", "prompt")


def function_list() -> None:
    """Search and sources stand in the page's address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = search_field("Name, type or description")
        sources = st.pills(
            "Source",
            SOURCES,
            selection_mode="multi",
            key="source",
            wrap=True,
            bind="query-params",
        )
    every = workbench().pipelines.functions()
    found = [each for each in every if _fits(each, text, sources)]
    if not found:
        st.info("No function fits. Clear the search or the sources.", icon=":material/info:")
        return
    data_table(
        pd.DataFrame(
            [
                {
                    "Function": each.signature,
                    "What it gives": shortened(each.description),
                    "Source": each.source,
                    "From": each.group,
                }
                for each in found
            ]
        ),
        "functions",
        most=18,
        column_config={
            "Function": st.column_config.TextColumn(width=420),
            "What it gives": st.column_config.TextColumn(width="large"),
            "Source": st.column_config.TextColumn(width=90),
        },
        alt="Functions that a pipeline can call",
    )
    st.caption(f"{len(found):,} of {counted(len(every), 'function')}")


def _fits(info: FunctionInfo, text: str, sources: list[str]) -> bool:
    searched = f"{info.signature} {info.description} {info.group}".casefold()
    return text.casefold() in searched and (not sources or info.source in sources)


def gone_functions() -> None:
    """Registered ones whose code is gone."""
    gone = [each for each in workbench().pipelines.registered() if each.removed_at is not None]
    if not gone:
        return
    with st.expander("No longer there", icon=":material/delete:"):
        for each in gone:
            st.text(
                f"{each.info.signature}  was removed from {each.info.group} on "
                f"{each.removed_at:%Y-%m-%d}"
            )
        st.caption(plain("Pipelines that use one are invalid until it is back."))
