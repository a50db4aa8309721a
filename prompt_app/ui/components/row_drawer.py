"""One row in full, in a drawer beside the table. Nothing of it is taken for markup."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import TemplateError
from prompt_app.interfaces import RowFilter, StoredSample
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.wording import duration, money, number, plain
from prompt_app.ui.state import workbench

MOST_CHARACTERS = 20_000
_PLACE = "drawer.place"


def open_drawer(run: Run, wanted: RowFilter, place: int) -> None:
    """Show the row at ``place`` (0-based) of those that ``wanted`` finds."""
    st.session_state[_PLACE] = place
    _drawer(run, wanted)


@st.dialog("Row", width=680, position="right")
def _drawer(run: Run, wanted: RowFilter) -> None:
    place = st.session_state[_PLACE]
    page = workbench().rows(run.id, wanted, offset=place, limit=1)
    if not page.items:
        st.info("This row is no longer among those that fit the filters.")
        return
    sample = page.items[0]
    _navigation(place, page.total)
    _facts(sample)
    _reply(sample)
    _scores(sample)
    _heading("Fields")
    for name, value in sample.example.fields.items():
        _field(name, value, is_reference=name == run.spec.reference_field)
    with st.expander("Prompt as it was sent", icon=":material/chat:"):
        _prompt(run, sample)
    if sample.reply and sample.reply.raw:
        with st.expander("Raw response", icon=":material/data_object:"):
            st.code(cut(json.dumps(sample.reply.raw, indent=2, ensure_ascii=False)), "json")


def _navigation(place: int, total: int) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            disabled=place == 0,
            on_click=_go,
            args=(-1,),
        )
        st.caption(f"{place + 1:,} of {total:,}")
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=place + 1 >= total,
            on_click=_go,
            args=(1,),
        )


def _go(step: int) -> None:
    st.session_state[_PLACE] += step


def _facts(sample: StoredSample) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.badge(sample.state, color="red" if sample.state == "failed" else "green")
        if sample.reply:
            usage = sample.reply.usage
            st.badge(duration_text(sample), icon=":material/timer:", color="gray")
            st.badge(f"{usage.input:,} → {usage.output:,} tokens", color="gray")
            st.badge(plain(money(sample.cost_usd)), color="gray")
            st.badge(plain(sample.reply.outputs[0].finish_reason), color="gray")
        if sample.cached:
            st.badge("from cache", color="gray")
        if sample.attempts > 1:
            st.badge(f"{sample.attempts} attempts", color="orange")
    st.caption(plain(f"Example {sample.example.id}, repeat {sample.key.repeat + 1}"))


def duration_text(sample: StoredSample) -> str:
    """The call's latency: milliseconds below a second."""
    seconds = sample.reply.latency_seconds if sample.reply else 0.0
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else duration(seconds)


def _reply(sample: StoredSample) -> None:
    if sample.reply:
        _heading("Reply")
        for output in sample.reply.outputs:
            verbatim(output.text)
    if sample.error_message:
        show_message(f"{sample.error_kind}: {sample.error_message}")


def _scores(sample: StoredSample) -> None:
    if sample.scores or sample.failures:
        _heading("Scores")
    if sample.scores:
        with st.container(border=True, gap="xsmall"):
            for score in sample.scores:
                st.text(f"{score.metric}  {number(round(score.value, 6))}")
                if score.reason:
                    st.caption(plain(cut(score.reason)))
    for failure in sample.failures:
        show_message(f"{failure.metric} has no score ({failure.kind}): {failure.message}")


def _field(name: str, value: Any, *, is_reference: bool) -> None:
    st.caption(plain(name) + (" (reference)" if is_reference else ""))
    verbatim(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _prompt(run: Run, sample: StoredSample) -> None:
    try:
        messages = workbench().rendered_prompt(run, sample.example)
    except TemplateError as error:
        show_message(str(error))
        return
    for message in messages:
        st.caption(message.role)
        verbatim(message.content)


def _heading(text: str) -> None:
    st.markdown(f"**{text}**")


def verbatim(text: str) -> None:
    """Text from a dataset or a model: shown, never interpreted."""
    if text:
        st.code(cut(text), language=None, wrap_lines=True)
    else:
        st.caption("(empty)")


def cut(text: str) -> str:
    """What a browser can show; exports hold all of it."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n… {len(text) - MOST_CHARACTERS:,} more characters"
