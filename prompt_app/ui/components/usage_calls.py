"""Single calls of the gateway, and picking them into a dataset."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.serving import UsageFilter, UsageRecord
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.made_file import file_made, make_file
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import may_edit, workbench

ROWS = 50


def usage_calls(which: UsageFilter) -> None:
    """A page of calls at a time, newest first."""
    st.subheader("Calls")
    failed = st.toggle("Only failed ones", key="failed", bind="query-params")
    which = replace(which, failed=failed)
    found = paged(
        lambda offset: workbench().usage.calls(which, offset=offset, limit=ROWS),
        ROWS,
        "calls",
        of=(which.failed, which.since),
    )
    if not found.total:
        st.caption("No call.")
        return
    records, usage = found.items, workbench().usage
    rows = [_row(record, usage.cost(record), failed=which.failed) for record in records]
    chosen = data_table(
        pd.DataFrame(rows), "calls", alt="Calls, newest first",
        on_select="rerun", selection_mode="multi-row", key="calls",
        column_config={
            "At": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Cost": st.column_config.NumberColumn(format="$%.6f"),
        },
    )  # fmt: skip
    pager(found, ROWS, "call")
    bench = workbench()
    if st.button("All these calls as CSV", icon=":material/download:", type="tertiary"):
        make_file(
            "calls.file", "gateway-calls.csv",
            lambda path: path.write_bytes(bench.usage.calls_file(which)),
        )  # fmt: skip
    file_made("calls.file")
    picked = [records[row].id for row in chosen.selection.rows if row < len(records)]
    if picked and may_edit():
        _pick(picked)
    elif may_edit():
        st.caption("Tick calls in the table to save them as a dataset.")


def _pick(picked: list[str]) -> None:
    with st.form("pick"):
        name = st.text_input("Dataset", "gateway-calls")
        if st.form_submit_button(f"Save {counted(len(picked), 'call')} as a dataset"):
            try:
                version = workbench().usage.pick(picked, name)
            except PromptAppError as error:
                show_message(str(error))
            else:
                st.success(plain(f"Saved as version {version.number} of {version.name}."))


def _row(record: UsageRecord, cost: float | None, *, failed: bool) -> dict[str, object]:
    """What failed begins with why."""
    outcome = {"Status": record.status, "Error": record.error_kind or ""}
    row = {
        "Person": record.person,
        "Token": record.token,
        "Asked for": record.model,
        "Answered by": record.target,
        "Prompt": record.prompt,
        "Tokens": record.input_tokens + record.output_tokens,
        "Cost": cost,
        "ms": round(record.latency_ms),
        "Stored": record.cached,
    }
    return {"At": record.at, **(outcome | row if failed else row | outcome)}
