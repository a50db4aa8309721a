"""All tests of rubrics as cards, newest first."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.rubric_test import RubricTest
from prompt_app.interfaces import Page
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.run_list import STATES
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.wording import ago, cost_fact, plain
from prompt_app.ui.state import RUBRIC_TEST, workbench

TESTS_A_PAGE = 10
LOOK_SECONDS = 2.0


def test_list() -> None:
    if workbench().rubrics.tests(limit=1).total == 0:
        return
    text = search_field("Experiment or dataset")
    is_live = _is_any_active(text)
    st.fragment(_page, run_every=LOOK_SECONDS if is_live else None)(text, is_live)


def _is_any_active(text: str) -> bool:
    """Of the newest, and of those that are shown."""
    newest = workbench().rubrics.tests(limit=TESTS_A_PAGE).items
    return any(test.is_active for test in (*newest, *_shown(text).items))


def _shown(text: str) -> Page[RubricTest]:
    return paged(
        lambda offset: workbench().rubrics.tests(offset=offset, limit=TESTS_A_PAGE, text=text),
        TESTS_A_PAGE,
        "tests",
        of=text,
    )


def _page(text: str, was_live: bool) -> None:
    if was_live and not _is_any_active(text):
        st.rerun()  # there is no more to look for
    found = _shown(text)
    if found.total == 0:
        st.info("No test fits. Clear the search.", icon=":material/info:")
        return
    for test in found.items:
        _card(test)
    pager(found, TESTS_A_PAGE, "test")


def _card(test: RubricTest) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = f"{test.options.experiment} on {test.options.dataset}"
            st.page_link(RUBRIC_TEST, label=plain(name), query_params={"id": test.id})
            rubric_state(test)
        progress = test.progress
        facts = [", ".join(test.options.lessons or test.lessons), test.options.model or ""]
        facts.append(f"{progress.done:,} of {counted(progress.total, 'work')}")
        facts.append(cost_fact(progress.cost_usd))
        facts += [f"by {test.created_by}" if test.created_by else "", ago(test.created_at)]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))
        if test.is_active:
            st.progress(progress.done / progress.total if progress.total else 0.0)


def rubric_state(test: RubricTest) -> None:
    """Its state as a badge."""
    color, icon = STATES[test.state]
    wanted = "cancelling" if test.cancelling else test.state
    st.badge(wanted, color=color, icon=icon)
