"""What validating training examples found, and the file to download."""

from __future__ import annotations

from functools import partial
from time import time

import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.finetuning import TrainingCheck, TrainingSource
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.made_file import file_made, make_file
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

LEAKS_SHOWN = 10
KEPT_SECONDS = 120
"""Datasets may get other splits meanwhile. Kept apart by reach, too: a check names the datasets
whose splits were looked through."""


def check_section(source: TrainingSource | None) -> TrainingCheck | None:
    """None where there is nothing to check yet."""
    if source is None:
        st.caption("Choose examples first.")
        return None
    check = worked_out(
        "training.check",
        "Checking",
        (source.to_json(), repr(workbench().store.reach), int(time() / KEPT_SECONDS)),
        partial(workbench().finetuning.check, source),
    )
    if check is None:
        return None
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
            if st.button(
                f"JSONL for {label}", icon=":material/download:", disabled=check.examples == 0
            ):
                export = workbench().finetuning.export
                make_file(
                    "training.file",
                    f"training-{provider}.jsonl",
                    partial(export, source, provider=provider),  # type: ignore[arg-type]
                )
    file_made("training.file")
    return check


def _leaks(check: TrainingCheck) -> None:
    against = ", ".join(check.checked_against)
    if not against:
        st.caption("No stored dataset has a split named test, dev, ...: leakage was not checked.")
    elif not check.leaks:
        st.caption(plain(f"No row of {against} is among the examples."))
    else:
        show_message(
            f"In evaluation splits, too: {counted(len(check.leaks), 'example')}. Scores there "
            "would mean nothing for the new model."
        )
        with st.expander("Which", icon=":material/search:"):
            for leak in check.leaks[:LEAKS_SHOWN]:
                st.text(leak)
            if len(check.leaks) > LEAKS_SHOWN:
                st.caption(f"and {len(check.leaks) - LEAKS_SHOWN:,} more")
