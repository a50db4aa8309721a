"""One row in full, in a drawer beside the table. Nothing of it is taken for markup."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import PromptAppError, TemplateError, UnknownNameError
from prompt_app.interfaces import Page, RowFilter, StoredSample
from prompt_app.ui.components.drawer_steps import drawer_steps
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.references import nearest_reference, references
from prompt_app.ui.components.verbatim import cut, verbatim
from prompt_app.ui.components.word_marks import words_beside
from prompt_app.ui.components.wording import duration, money, number, plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.unpriced import sample_cost

_PLACE, _SHOWN = "drawer.place", "drawer.shown"


def open_drawer(run: Run, wanted: RowFilter, shown: Page[StoredSample], row: int) -> None:
    """Show a row, counted from 0, of the page that is ``shown`` of those that ``wanted`` finds."""
    st.session_state[_PLACE] = shown.offset + row
    _browser(run, wanted, shown)


def open_addressed_row(run: Run, wanted: RowFilter, shown: Page[StoredSample]) -> None:
    """Show the row that ``?row=example~repeat`` names, in its place among those that ``wanted``
    finds, where it is one of them. The address names it for as long as it is open, so that it
    stays when the page around it is drawn again."""
    address = st.query_params.get("row", "")
    if not address:
        return
    if st.session_state.get(_SHOWN) == (run.id, address) and _PLACE in st.session_state:
        _browser(run, wanted, shown)  # one that was turned to since is not in the address yet
        return
    example_id, _, repeat = address.rpartition("~")
    try:
        sample = workbench().row(run.id, example_id, int(repeat) if repeat.isdecimal() else 0)
    except UnknownNameError as error:
        show_message(str(error))
        return
    place = _place(run, wanted, shown, sample)
    if place is None:
        st.session_state.pop(_PLACE, None)
        _single(run, sample)
    else:
        st.session_state[_PLACE] = place
        _browser(run, wanted, shown)


def _place(
    run: Run, wanted: RowFilter, shown: Page[StoredSample], sample: StoredSample
) -> int | None:
    """An address is mostly that of a row on the page that it names too. Elsewhere rows in their
    own order are looked through by halves; another order tells nothing of a row's place."""
    for place, each in enumerate(shown.items, start=shown.offset):
        if each.key == sample.key:
            return place
    if wanted.sort != "position" or wanted.text:
        return None
    low, high = 0, shown.total - 1
    while low <= high:
        middle = (low + high) // 2
        found = workbench().rows(run.id, wanted, offset=middle, limit=1).items
        if not found:
            return None
        at = found[0].position, found[0].key.repeat
        if at == (sample.position, sample.key.repeat):
            return middle
        if (at < (sample.position, sample.key.repeat)) != wanted.descending:
            low = middle + 1
        else:
            high = middle - 1
    return None


def row_address(sample: StoredSample) -> str:
    return f"{sample.example.id}~{sample.key.repeat}"


def _closed() -> None:
    """The address names the row no longer."""
    st.query_params.pop("row", None)
    st.session_state.pop(_SHOWN, None)


@st.dialog("Row", width=680, position="right", on_dismiss=_closed)
def _browser(run: Run, wanted: RowFilter, shown: Page[StoredSample]) -> None:
    place = st.session_state[_PLACE]
    page = shown
    if not 0 <= place - shown.offset < len(shown.items):
        page = workbench().rows(run.id, wanted, offset=place, limit=1)
    if not page.items:
        st.info("This row is no longer among those that fit the filters.")
        return
    drawer_steps(place, page.total, _go)
    _row(run, page.items[place - page.offset])


@st.dialog("Row", width=680, position="right", on_dismiss=_closed)
def _single(run: Run, sample: StoredSample) -> None:
    _row(run, sample)


def _row(run: Run, sample: StoredSample) -> None:
    st.query_params["row"] = row_address(sample)
    st.session_state[_SHOWN] = run.id, row_address(sample)
    _facts(run, sample)
    _reply(run, sample)
    _scores(sample)
    _heading("Fields")
    for name, value in sample.example.fields.items():
        _field(name, value, is_reference=name == run.spec.reference_field)
    with st.expander("Prompt as it was sent", icon=":material/chat:"):
        _prompt(run, sample)
    with st.expander("Raw request", icon=":material/upload:"):
        _request(run, sample)
    if sample.reply and sample.reply.raw:
        with st.expander("Raw response", icon=":material/data_object:"):
            st.code(cut(json.dumps(sample.reply.raw, indent=2, ensure_ascii=False)), "json")


def _go(place: int) -> None:
    st.session_state[_PLACE] = place


def _facts(run: Run, sample: StoredSample) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.badge(sample.state, color="red" if sample.state == "failed" else "green")
        if sample.reply:
            usage = sample.reply.usage
            st.badge(plain(duration_text(sample)), icon=":material/timer:", color="gray")
            st.badge(f"{usage.input:,} → {usage.output:,} tokens", color="gray")
            st.badge(plain(money(sample_cost(run, sample))), color="gray")
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


def _reply(run: Run, sample: StoredSample) -> None:
    if sample.reply:
        _heading("Reply")
        for output in sample.reply.outputs:
            verbatim(output.text)
        reference = nearest_reference(sample.reply.text, references(run, sample))
        if reference is not None and reference != sample.reply.text:
            with st.expander("Against the reference", icon=":material/difference:", expanded=True):
                words_beside(sample.reply.text, reference, ("Reply", "Nearest reference"))
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


def _request(run: Run, sample: StoredSample) -> None:
    try:
        body = workbench().sent_request(run, sample.example)
    except PromptAppError as error:
        show_message(str(error))
        return
    st.code(cut(json.dumps(body, indent=2, ensure_ascii=False)), "json")


def _heading(text: str) -> None:
    st.markdown(f"**{plain(text)}**")
