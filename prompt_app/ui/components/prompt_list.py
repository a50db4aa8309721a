"""All prompts, searched and paged in the database."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.prompt import PromptVersion
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.project_move import project_badge, project_names
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.wording import ago, plain, shortened
from prompt_app.ui.state import PROMPT, workbench

PROMPTS_A_PAGE = 20


def prompt_list() -> None:
    text = search_field("Name, label, note or text")
    found = paged(
        lambda offset: workbench().prompt_library.search(text, offset=offset, limit=PROMPTS_A_PAGE),
        PROMPTS_A_PAGE,
        "prompts",
        of=text,
    )
    if found.total == 0:
        if text:
            st.info("No prompt fits. Clear the search.", icon=":material/info:")
        else:
            st.info(
                "No prompts yet. Write one here; an evaluation also saves those written in it.",
                icon=":material/info:",
            )
        return
    projects = project_names("prompt", [version.name for version in found.items])
    for version in found.items:
        _card(version, projects.get(version.name))
    pager(found, PROMPTS_A_PAGE, "prompt")


def _card(version: PromptVersion, project: str | None) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = version.name
            st.page_link(PROMPT, label=f"**{plain(name)}**", query_params={"name": name})
            st.badge(f"version {version.number}", color="gray")
            project_badge(project)
            for label, number in workbench().prompt_library.labels(version.name).items():
                st.badge(f"{plain(label)}: {number}", color="green", icon=":material/sell:")
        st.caption(plain(shortened(version.template.messages[-1].content, 160)))
        st.caption(plain(version_facts(version)))


def label_badges(version: PromptVersion) -> None:
    for label in version.labels:
        st.badge(plain(label), color="green", icon=":material/sell:")


def version_facts(version: PromptVersion, uses: int | None = None) -> str:
    """Note, author, time and uses in one line."""
    facts = [version.note, version.author, ago(version.created_at)]
    if uses is not None:
        facts.append(counted(uses, "run") if uses else "not used yet")
    return " · ".join(fact for fact in facts if fact)
