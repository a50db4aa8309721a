"""The calls of the playground: what they take, the button, and the replies as they come."""

from __future__ import annotations

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.play_form import Models, PlayInput, Prompts, is_whole
from prompt_app.ui.components.play_saving import SAVING, save_prompt_dialog, save_row_dialog
from prompt_app.ui.components.run_list import Color
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import money, plain
from prompt_app.ui.state import may_edit, workbench
from prompt_app.workbench.playground import LONG_REPLY_TOKENS
from prompt_app.workbench.playing import CallState, CallStatus, PlannedCall, Playing

LOOK_SECONDS = 0.3
_PLAYING, _FIELDS = "play.now", "play.now.fields"
COLORS: dict[CallStatus, Color] = {
    "waiting": "gray",
    "answering": "blue",
    "done": "green",
    "failed": "red",
    "cancelled": "orange",
}


def start_section(prompts: Prompts, models: Models, given: PlayInput | None) -> None:
    """Says what the calls will take, and makes them when asked."""
    if missing := is_whole(prompts, models):
        st.info(f"{missing} Then this says what the calls will take.", icon=":material/info:")
        return
    if given is None:
        return
    playground = workbench().playground
    calls = playground.plan(prompts, models, given.fields, given.dataset)
    quote = playground.quote(calls)
    cost = "the price is unknown" if quote.cost_usd is None else f"at most {money(quote.cost_usd)}"
    words = (
        f"{counted(quote.calls, 'call')}, about {quote.input_tokens:,} "
        f"tokens in, at most {quote.output_tokens:,} out: {cost}."
    )
    if not quote.is_bounded:
        words += f" A reply is taken as {LONG_REPLY_TOKENS:,} tokens; set max tokens to be sure."
    st.caption(plain(words))
    playing: Playing | None = st.session_state.get(_PLAYING)
    if st.button(
        f"Call {quote.calls:,}",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not may_edit() or (playing is not None and playing.is_active),
    ):
        st.session_state[_PLAYING] = playground.start(calls)
        st.session_state[_FIELDS] = given.fields


def play_results() -> None:
    st.session_state.pop(SAVING, None)  # a new page has no dialog open
    playing: Playing | None = st.session_state.get(_PLAYING)
    if playing is None:
        return
    st.subheader("Replies")
    is_active = playing.is_active
    st.fragment(_results, run_every=LOOK_SECONDS if is_active else None)(is_active)


def _results(was_active: bool) -> None:
    playing: Playing = st.session_state[_PLAYING]
    if was_active and not playing.is_active and SAVING not in st.session_state:
        st.rerun()  # it would close a dialog that is being filled in
    if playing.is_active:
        st.button("Cancel", icon=":material/cancel:", on_click=playing.cancel)
    elif len(playing.calls) > 1:
        _totals(playing)
    with st.grid("auto", min_column_width=300):
        for index, (call, state) in enumerate(zip(playing.calls, playing.states, strict=True)):
            with st.container(border=True, gap="xsmall"):
                _card(index, call, state)


def _totals(playing: Playing) -> None:
    spent = sum(state.cost_usd or 0.0 for state in playing.states)
    done = [state for state in playing.states if state.status == "done"]
    words = f"{len(done)} of {len(playing.calls)} answered, {money(spent)}"
    if any(state.cost_usd is None for state in done):
        words += " and calls whose price is unknown"
    st.caption(plain(words + "."))


def _card(index: int, call: PlannedCall, state: CallState) -> None:
    st.markdown(f"**{plain(call.title)}**")
    with st.container(horizontal=True, gap="xsmall"):
        st.badge(state.status, color=COLORS[state.status])
        for fact in _facts(state):
            st.badge(plain(fact), color="gray")
    if state.error:
        show_message(state.error)
    if state.text or state.status == "done":
        verbatim(state.text)
    if state.reply and len(state.reply.outputs) > 1:
        for output in state.reply.outputs[1:]:
            verbatim(output.text)
    if state.status == "done" and may_edit():
        with st.container(horizontal=True):
            if st.button("Save prompt", key=f"play.prompt.{index}", type="tertiary"):
                save_prompt_dialog(call)
            if st.button("Save as row", key=f"play.row.{index}", type="tertiary"):
                save_row_dialog(st.session_state[_FIELDS], state.text)


def _facts(state: CallState) -> list[str]:
    facts = [_seconds(state.seconds)] if state.seconds else []
    if state.first_seconds is not None:
        facts.append(f"first piece {_seconds(state.first_seconds)}")
    if state.reply:
        facts.append(f"{state.reply.usage.input:,} → {state.reply.usage.output:,} tokens")
        facts.append(money(state.cost_usd))
        facts += [state.reply.outputs[0].finish_reason]
    return facts


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"
