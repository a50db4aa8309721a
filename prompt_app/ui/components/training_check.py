"""What validating training examples found, and the file to download."""

from __future__ import annotations

from functools import partial

import streamlit as st

from prompt_app.datamodel.finetuning import TrainingCheck, TrainingSource
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

LEAKS_SHOWN = 10


def check_section(source: TrainingSource | None) -> TrainingCheck | None:
    """None where there is nothing to check yet."""
    if source is None:
        st.caption("Choose examples first.")
        return None
    check = _checked(source.to_json(), repr(workbench().store.reach))
    with st.container(horizontal=True):
        st.metric("Examples", f"{check.examples:,}")
        st.metric("Tokens of one epoch", f"{check.tokens:,}", help="Estimated.")
        st.metric("Longest example", f"{check.longest:,} tokens")
    for error in check.errors:
        show_message(error)
    for warning in check.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    _leaks(check)
    if not check.errors and not check.leaks:
        st.success("Roles and lengths are as they should be.", icon=":material/check:")
    with st.container(horizontal=True):
        for provider, label in (("openai", "OpenAI"), ("bedrock", "Bedrock")):
            st.download_button(
                f"JSONL for {label}",
                partial(workbench().finetuning.lines, source, provider),  # type: ignore[arg-type]
                file_name=f"training-{provider}.jsonl",
                mime="application/jsonl",
                icon=":material/download:",
                on_click="ignore",
                disabled=check.examples == 0,
            )
    return check


@st.cache_data(show_spinner="Checking", ttl="2m", max_entries=50)
def _checked(source: str, reach: str) -> TrainingCheck:
    """Kept apart by ``reach``: it names the datasets whose splits were looked through."""
    return workbench().finetuning.check(TrainingSource.from_json(source))


def _leaks(check: TrainingCheck) -> None:
    against = ", ".join(check.checked_against)
    if not against:
        st.caption("No stored dataset has a split named test, dev, ...: leakage was not checked.")
    elif not check.leaks:
        st.caption(plain(f"No row of {against} is among the examples."))
    else:
        show_message(
            f"{len(check.leaks):,} examples stand in evaluation splits: scores there would mean "
            "nothing for the new model."
        )
        with st.expander("Which", icon=":material/search:"):
            for leak in check.leaks[:LEAKS_SHOWN]:
                st.text(leak)
            if len(check.leaks) > LEAKS_SHOWN:
                st.caption(f"and {len(check.leaks) - LEAKS_SHOWN:,} more")
