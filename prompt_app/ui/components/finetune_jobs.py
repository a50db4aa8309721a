"""Fine-tuning jobs, newest first; those that have not ended are looked after."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.finetuning import FinetuneJob, JobState
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import errors_shown, show_message
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.wording import ago, plain
from prompt_app.ui.state import may_edit, workbench

JOBS_A_PAGE = 10
LOOK_SECONDS = 5.0
STATES: dict[JobState, tuple[Literal["gray", "blue", "green", "red"], str]] = {
    "queued": ("gray", ":material/schedule:"),
    "running": ("blue", ":material/autorenew:"),
    "succeeded": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("gray", ":material/cancel:"),
}


def job_list() -> None:
    st.subheader("Jobs")
    is_live = _is_any_active()
    st.fragment(_page, run_every=LOOK_SECONDS if is_live else None)(is_live)


def _is_any_active() -> bool:
    return workbench().finetuning.jobs(active=True, limit=1).total > 0


def _page(was_live: bool) -> None:
    if was_live and not _is_any_active():
        st.rerun()  # there is no more to look for
    found = paged(
        lambda offset: workbench().finetuning.jobs(offset=offset, limit=JOBS_A_PAGE),
        JOBS_A_PAGE,
        "jobs",
    )
    if found.total == 0:
        st.caption("No jobs yet.")
        return
    for job in found.items:
        _card(_looked_after(job))
    pager(found, JOBS_A_PAGE, "job")


def _looked_after(job: FinetuneJob) -> FinetuneJob:
    if job.has_ended:
        return job
    try:
        return workbench().finetuning.refresh(job.id)
    except PromptAppError as error:
        show_message(str(error))
        return job


def _card(job: FinetuneJob) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{job.request.name}: {job.request.base_model}", width="content")
            color, icon = STATES[job.status.state]
            st.badge(job.status.state, color=color, icon=icon)
            if not job.has_ended and may_edit():
                st.button(
                    "Cancel",
                    key=f"tuning.cancel.{job.id}",
                    icon=":material/cancel:",
                    on_click=_cancel,
                    args=(job.id,),
                )
        if job.reference:
            st.code(job.reference, language=None, wrap_lines=True)
        if job.status.message:
            show_message(job.status.message)
        trained = job.status.trained_tokens
        facts = [
            job.id,
            job.request.provider,
            counted(job.examples, "example"),
            f"{trained:,} tokens trained" if trained else "",
            job.created_by,
            ago(job.created_at),
        ]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))


def _cancel(job_id: str) -> None:
    with errors_shown():
        workbench().finetuning.cancel(job_id)
