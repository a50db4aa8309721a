"""Pipelines as cards: name, text, whether they can be called."""

from __future__ import annotations

from math import ceil

import streamlit as st

from prompt_app.datamodel.pipeline import PipelineVersion
from prompt_app.ui.components.wording import ago, plain, shortened
from prompt_app.ui.state import PIPELINE, workbench

A_PAGE = 20


def pipeline_list() -> None:
    """Search stands in the page's address; the database pages."""
    text = st.text_input(
        "Search",
        type="search",
        key="q",
        bind="query-params",
        placeholder="Name or text",
        width=320,
    )
    pager = f"pipelines.page.{text}"
    number = int(st.session_state.get(pager, 1))
    found = workbench().pipelines.list_pipelines(
        text or "", offset=(number - 1) * A_PAGE, limit=A_PAGE
    )
    if found.total == 0:
        st.info(
            "No pipeline fits. Clear the search."
            if text
            else "No pipelines yet. A pipeline calls prompts and functions inside each other: "
            "what the inner one gives is what the outer one takes.",
            icon=":material/info:",
        )
        return
    for version in found.items:
        _card(version)
    pages = ceil(found.total / A_PAGE)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.caption(f"{found.total:,} pipeline{'s' if found.total != 1 else ''}")
        if pages > 1:
            st.pagination(pages, key=pager, width=300)


def _card(version: PipelineVersion) -> None:
    problem = workbench().pipelines.problem(version)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(PIPELINE, label=plain(version.name), query_params={"name": version.name})
            if problem:
                st.badge("invalid", color="red", icon=":material/error:")
            else:
                st.badge("valid", color="green", icon=":material/check:")
        st.code(shortened(_without_comments(version.text)), language=None, wrap_lines=True)
        if problem:
            st.text(problem)
        facts = [
            f"version {version.number}",
            f"id {version.pipeline_id}",
            version.model or "",
            version.created_by,
            ago(version.created_at),
        ]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
