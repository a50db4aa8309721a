"""How far a rubric's test is, live while it is active, and the button that cancels it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.rubric_test import RubricTest
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.rubric_tests import rubric_state
from prompt_app.ui.components.wording import ago, money, plain
from prompt_app.ui.state import may_edit, workbench

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 15.0


def rubric_progress(test: RubricTest) -> None:
    """Looks again every second while the test is active; nothing is lost when the page closes."""
    st.fragment(_panel, run_every=LOOK_SECONDS if test.is_active else None)(test.id, test.is_active)


def _panel(test_id: str, was_active: bool) -> None:
    test = workbench().rubrics.test(test_id)
    if test.is_active != was_active:
        st.rerun()  # the rest of the page shows other things now
    progress = test.progress
    with st.container(horizontal=True, vertical_alignment="center"):
        rubric_state(test)
        facts = [
            test.options.model or "",
            f"{progress.done:,} of {counted(progress.total, 'work')}",
        ]
        cost = "cost unknown" if progress.cost_usd is None else money(progress.cost_usd)
        facts += [cost, f"started {ago(test.created_at)}", test.id]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))
    if test.reason:
        st.warning(plain(test.reason), icon=":material/info:")
    if not test.is_active:
        return
    share = progress.done / progress.total if progress.total else 0.0
    st.progress(min(share, 1.0), text=f"{progress.done:,} of {counted(progress.total, 'work')}")
    waited = (datetime.now(UTC) - test.created_at).total_seconds() if test.created_at else 0.0
    if test.state == "queued" and waited > PATIENCE_SECONDS:
        st.info("Waiting for a worker. `prompt-app start` runs one, or start `prompt-app worker`.")
    if may_edit() and st.button("Cancel", icon=":material/cancel:", disabled=test.cancelling):
        with errors_shown():
            workbench().rubrics.cancel(test_id)
            st.rerun()
