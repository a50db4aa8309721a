"""Calling a pipeline, watching it, and what its calls did."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from prompt_app.datamodel.pipeline import PipelineCall, PipelineVersion, StepTrace
from prompt_app.ui.components.errors import errors_shown, show_message
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.pipeline_editor import Draft
from prompt_app.ui.components.tables import data_table, opened_row
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import ago, money, plain, shortened, written
from prompt_app.ui.state import may_edit, workbench
from prompt_app.workbench.pipeline_running import RunningCall

LOOK_SECONDS = 0.25
CALLS_A_PAGE = 10
STEPS_IN_FULL = 40


def call_section(draft: Draft, saved: PipelineVersion | None) -> None:
    """A field for each argument, Run, and the trace; the address names the call that is shown."""
    st.subheader("Run")
    if may_edit():
        _form(draft, saved)
    call_id = st.query_params.get("call", "")
    if call_id:
        with errors_shown():
            call_trace(workbench().pipelines.recorded_call(call_id))


def _form(draft: Draft, saved: PipelineVersion | None) -> None:
    arguments = {
        name: st.text_area(
            plain(name),
            key=f"pipeline.argument.{name}",
            persist_state="session",
            height=80,
        )
        for name in draft.checked.arguments
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Run", type="primary", icon=":material/play_arrow:")
        use_stored = st.checkbox(
            "Use stored replies",
            value=True,
            key="pipeline.cache",
            help="A prompt step whose very request was answered before costs nothing.",
        )
    if pressed:
        is_saved = saved is not None and (saved.text, saved.model) == (draft.text, draft.model)
        with errors_shown():
            running = workbench().pipelines.start(
                draft.text,
                arguments,
                model=draft.model,
                version=saved if is_saved else None,
                cache="use" if use_stored else "refresh",
            )
            try:
                _watch(running)
            finally:
                running.cancel()  # also when the page is left or Stop is pressed
            call = running.result()
            if call is not None:
                st.query_params["call"] = call.id
                st.rerun()


def _watch(running: RunningCall) -> None:
    """Shows the steps until the end. Any press of a button ends this script, and so the call."""
    place = st.empty()
    st.button("Stop", icon=":material/stop:", key="pipeline.stop")
    while not running.wait(LOOK_SECONDS):
        with place.container():
            st.progress(_share(running), text="Running")
            step_table(running.steps())
    place.empty()


def _share(running: RunningCall) -> float:
    steps = running.steps()
    return sum(step.state == "done" for step in steps) / len(steps) if steps else 0.0


def call_trace(call: PipelineCall) -> None:
    """What a call gave, and every step of it."""
    with st.container(horizontal=True, gap="xsmall"):
        color = {"done": "green", "failed": "red"}.get(call.state, "gray")
        st.badge(call.state, color=color)  # type: ignore[arg-type]
        st.badge(f"{call.seconds:.2f} s", icon=":material/timer:", color="gray")
        if any(step.source == "prompt" for step in call.steps):
            usage = call.usage
            st.badge(f"{usage.input:,} → {usage.output:,} tokens", color="gray")
            st.badge(plain(money(call.cost_usd)), color="gray")
        st.caption(plain(ago(call.created_at)))
    if call.error:
        show_message(call.error)
    if call.state == "done":
        verbatim(call.output_text)
    step_table(call.steps)
    with st.expander("Steps in full", icon=":material/account_tree:"):
        for step in call.steps[:STEPS_IN_FULL]:
            _step(step)


def step_table(steps: Sequence[StepTrace]) -> None:
    """One row a step, in the order of the text."""
    if not steps:
        return
    data_table(
        pd.DataFrame([_row(step) for step in steps]),
        "steps",
        column_config={
            "Seconds": st.column_config.NumberColumn(format="%.3f", width=80),
            "Output": st.column_config.TextColumn(width="large"),
        },
        alt="Steps of the call",
    )


def _row(step: StepTrace) -> dict[str, object]:
    is_prompt = step.source == "prompt"
    return {
        "Step": step.name,
        "State": "from cache" if step.cached else step.state,
        "Seconds": step.seconds,
        "Tokens": f"{step.usage.input:,} → {step.usage.output:,}" if is_prompt else "",
        "Cost": money(step.cost_usd) if is_prompt else "",
        "Model": step.model,
        "Output": shortened(step.error or written(step.output)) if step.seconds is not None else "",
    }


def _step(step: StepTrace) -> None:
    place = f"column {step.column}" if step.line == 1 else f"line {step.line}, {step.column}"
    st.markdown(f"**{plain(step.name)}** {plain(f'({place}): {step.state}')}")
    for name, value in step.inputs.items():
        st.caption(plain(name))
        verbatim(written(value))
    if step.state == "done":
        st.caption("gives")
        verbatim(written(step.output))
    if step.error:
        show_message(step.error)


def earlier_calls(saved: PipelineVersion) -> None:
    """The pipeline's calls, newest first; each opens its trace."""
    page = paged(
        lambda offset: workbench().pipelines.calls(
            saved.pipeline_id, offset=offset, limit=CALLS_A_PAGE
        ),
        CALLS_A_PAGE,
        f"calls of {saved.pipeline_id}",
    )
    if page.total == 0:
        return
    st.subheader("Calls")
    data_table(
        pd.DataFrame([_call_row(call) for call in page.items]),
        f"{saved.name}-calls",
        buttons=["Open"],
        column_config={
            "Open": st.column_config.ButtonColumn(
                "", key="pipeline.open", type="tertiary", pinned=True, width=60
            ),
            "Arguments": st.column_config.TextColumn(width="medium"),
            "Result": st.column_config.TextColumn(width="large"),
        },
        alt="Calls of this pipeline",
    )
    names = [f"{call.created_at:%Y-%m-%d %H:%M:%S}, {call.id}" for call in page.items]
    row = opened_row("pipeline.open", "Open a call", names)
    if row is not None and page.items[row].id != st.query_params.get("call"):
        st.query_params["call"] = page.items[row].id
        st.rerun()
    pager(page, CALLS_A_PAGE, "call")


def _call_row(call: PipelineCall) -> dict[str, object]:
    return {
        "Open": "Open",
        "When": ago(call.created_at),
        "By": call.created_by,
        "Version": call.number,
        "State": call.state,
        "Seconds": round(call.seconds, 2),
        "Cost": money(call.cost_usd),
        "Arguments": shortened(written(call.arguments), 120),
        "Result": shortened(call.error or call.output_text, 200),
    }
