"""A run's progress, live while it is active, and the buttons that steer it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.run_list import state_badge
from prompt_app.ui.components.wording import ago, duration, money, number, plain
from prompt_app.ui.state import may_edit, workbench
from prompt_app.workbench.unpriced import run_cost

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 15.0
"""Queued for longer than this, a run probably has no worker."""


def progress_panel(run: Run) -> None:
    """Looks again every second while the run is active; nothing is lost when the page closes."""
    is_active = run.state in ACTIVE_STATES
    st.fragment(_panel, run_every=LOOK_SECONDS if is_active else None)(
        run.id, is_active, run.progress.done > 0
    )


def _panel(run_id: str, was_active: bool, had_rows: bool) -> None:
    run = workbench().run(run_id)
    if (run.state in ACTIVE_STATES, run.progress.done > 0) != (was_active, had_rows):
        st.rerun()  # the rest of the page shows other things now
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(run)
        st.caption(
            plain(
                f"{run.spec.dataset_name} · {run.spec.model.reference} · started "
                f"{ago(run.started_at or run.created_at)} · {run.id}"
            )
        )
    if run.reason and run.state not in ("queued", "running"):
        st.warning(plain(run.reason), icon=":material/info:")
    progress = run.progress
    if was_active:
        share = progress.done / progress.total if progress.total else 0.0
        st.progress(
            min(share, 1.0), text=f"{progress.done:,} of {counted(progress.total, 'sample')}"
        )
    _figures(run, is_active=was_active)
    if run.state == "queued" and _seconds_since(run.created_at) > PATIENCE_SECONDS:
        st.info("Waiting for a worker. `prompt-app start` runs one, or start `prompt-app worker`.")
    _errors(run)
    if may_edit():
        _controls(run)


def _figures(run: Run, *, is_active: bool) -> None:
    progress = run.progress
    figures = {
        "Samples": f"{progress.done:,} / {progress.total:,}",
        "Failed": f"{progress.failed:,}",
        "Spent": money(run_cost(run)),
    }
    if run.spec.limits.max_cost_usd is not None:
        figures["Spent"] += f" of {money(run.spec.limits.max_cost_usd)}"
    if is_active:
        rate = progress.rate_per_second
        figures["Rate"] = f"{number(round(rate, 1))} /s" if rate else "–"
        figures["Time left"] = duration(progress.eta_seconds) if rate else "–"
        figures["Calls at once"] = f"{progress.concurrency:,}" if progress.concurrency else "–"
    else:
        figures["From cache"] = f"{progress.cached:,}"
        if progress.excluded:
            figures["Few-shot rows left out"] = f"{progress.excluded:,}"
        if progress.skipped_rows:
            figures["Bad rows skipped"] = f"{progress.skipped_rows:,}"
        if run.started_at and run.ended_at:
            figures["Took"] = duration((run.ended_at - run.started_at).total_seconds())
    with st.grid("auto", min_column_width=130):
        for label, value in figures.items():
            st.metric(label, plain(value))


def _errors(run: Run) -> None:
    if run.progress.failed:
        kinds = _error_counts(run.id, run.progress.failed)
        listed = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in kinds.items())
        st.error(plain(f"Failed samples: {listed}."), icon=":material/error:")
    if run.progress.retries:
        listed = ", ".join(
            f"{kind.replace('_', ' ')} {count:,}" for kind, count in run.progress.retries.items()
        )
        st.caption(
            plain(f"Refused or failed attempts, those that a retry mended included: {listed}")
        )


@st.cache_data(show_spinner=False, ttl="1m", max_entries=200)
def _error_counts(run_id: str, failed: int) -> dict[str, int]:
    """Counted once for all who look on, until more samples have failed."""
    return workbench().error_counts(run_id)


def _controls(run: Run) -> None:
    with st.container(horizontal=True):
        if run.state in ACTIVE_STATES:
            _steer(run, "Pause", ":material/pause:")
            _steer(run, "Cancel", ":material/cancel:")
        if run.state in ("paused", "cancelled", "failed"):
            _steer(run, "Resume", ":material/play_arrow:")
        if run.state not in ACTIVE_STATES and _has_failures(run):
            _steer(run, "Retry failed", ":material/replay:")


def _steer(run: Run, label: str, icon: str) -> None:
    actions = {
        "Pause": lambda: workbench().pause(run.id),
        "Cancel": lambda: workbench().cancel(run.id),
        "Resume": lambda: workbench().resume(run.id),
        "Retry failed": lambda: workbench().resume(run.id, retry_failed=True),
    }
    if st.button(label, icon=icon, disabled=run.requested is not None):
        with errors_shown():
            actions[label]()
            st.rerun()


def _has_failures(run: Run) -> bool:
    return run.progress.failed > 0 or any(summary.failed for summary in run.summary)


def _seconds_since(moment: datetime | None) -> float:
    return (datetime.now(UTC) - moment).total_seconds() if moment else 0.0
