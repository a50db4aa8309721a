"""Pipelines as cards: name, text, whether they can be called."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.pipeline import PipelineVersion
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.project_move import project_badge, project_names
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.wording import ago, plain, shortened
from prompt_app.ui.state import PIPELINE, workbench

A_PAGE = 20


def pipeline_list() -> None:
    """Search stands in the page's address; the database pages."""
    text = search_field("Name or text")
    found = paged(
        lambda offset: workbench().pipelines.list_pipelines(text, offset=offset, limit=A_PAGE),
        A_PAGE,
        "pipelines",
        of=text,
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
    projects = project_names("pipeline", [version.name for version in found.items])
    for version in found.items:
        _card(version, projects.get(version.name))
    pager(found, A_PAGE, "pipeline")


def _card(version: PipelineVersion, project: str | None) -> None:
    problem = workbench().pipelines.problem(version)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = version.name
            st.page_link(PIPELINE, label=f"**{plain(name)}**", query_params={"name": name})
            project_badge(project)
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
