"""A run's rows: filtered, sorted and paged in the database; each opens in a drawer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.rendering import template_placeholders
from prompt_app.errors import PromptAppError
from prompt_app.interfaces import Page, RowFilter, StoredSample
from prompt_app.ui.components.downloads import file_menu, report_button
from prompt_app.ui.components.errors import show_message
from prompt_app.ui.components.failure_form import failure_form
from prompt_app.ui.components.made_file import file_made
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.references import references
from prompt_app.ui.components.row_drawer import open_addressed_row, open_drawer
from prompt_app.ui.components.row_filters import row_filters
from prompt_app.ui.components.scores import metric_infos
from prompt_app.ui.components.tables import opened_row
from prompt_app.ui.components.wording import shortened
from prompt_app.ui.state import LABEL, workbench
from prompt_app.workbench import Workbench
from prompt_app.workbench.exporting import ExportFormat

ROWS_A_PAGE = 25
SEARCH_SECONDS = 0.1
"""A search that an index does not answer may take, before it shows what it has found."""
_WHOLE = "rows.searched_whole"
CELL_CHARACTERS = 300


def row_section(run: Run) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.subheader("Rows")
        _downloads(run)
    with st.container():  # what is below keeps its place
        file_made(_file(run))
    if run.progress.done == 0:
        st.info("Rows appear here as soon as the first samples are done.", icon=":material/info:")
        return
    _table(run)


def _downloads(run: Run) -> None:
    with st.container(horizontal=True, width="content", vertical_alignment="center"):
        failure_form(run)
        if run.progress.done:
            make = partial(_export, workbench(), run.id)
            file_menu(_file(run), run.id, make, get_args(ExportFormat))
        st.page_link(
            LABEL,
            label="Label replies",
            icon=":material/new_label:",
            query_params={"runs": run.id},
            help="Let people say what these replies are worth",
        )
        report_button(_file(run), f"{run.id}.html", partial(workbench().reports.run, run.id))


def _export(bench: Workbench, run_id: str, export_format: str, path: Path) -> None:
    bench.export(run_id, path, cast(ExportFormat, export_format))


def _file(run: Run) -> str:
    return f"file.{run.id}"


@st.fragment
def _table(run: Run) -> None:
    wanted = row_filters(run)
    try:
        page = paged(
            lambda offset: workbench().rows(
                run.id, wanted, offset=offset, limit=ROWS_A_PAGE, seconds=_search_seconds(wanted)
            ),
            ROWS_A_PAGE,
            f"rows of {run.id}",
            of=wanted,
        )
    except PromptAppError as error:
        show_message(str(error))
        return
    if page.total == 0:
        among = "" if page.searched is None else f" among the first {page.searched:,} searched"
        st.info(f"No row fits these filters{among}.", icon=":material/filter_alt_off:")
        _rest_of_search(page, wanted)
        return
    st.dataframe(
        _frame(run, page.items),
        key="rows.table",
        hide_index=True,
        height=(min(len(page.items), 15) + 1) * 35 + 3,
        column_config=_columns(run),
        alt="Rows of this run",
    )
    pager(page, ROWS_A_PAGE, "row")
    _rest_of_search(page, wanted)
    row = opened_row("rows.open", "Open a row", [_name(run, each) for each in page.items])
    if row is not None:
        open_drawer(run, wanted, page, row)
    else:
        open_addressed_row(run, wanted, page)


def _name(run: Run, sample: StoredSample) -> str:
    repeat = f", repeat {sample.key.repeat + 1}" if run.spec.repeats > 1 else ""
    return f"Row {sample.position + 1}{repeat}"


def _search_seconds(wanted: RowFilter) -> float | None:
    return None if st.session_state.get(_WHOLE) == wanted else SEARCH_SECONDS


def _rest_of_search(page: Page[StoredSample], wanted: RowFilter) -> None:
    """Common text in a large run is looked for in a part of its rows first."""
    if page.searched is not None:
        st.button(
            "Search all rows",
            icon=":material/manage_search:",
            on_click=st.session_state.update,
            args=({_WHOLE: wanted},),
            help="Reads every row, which takes seconds in a large run",
        )


def _columns(run: Run) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "Open": st.column_config.ButtonColumn(
            "", key="rows.open", type="tertiary", pinned=True, width=60
        ),
        "Row": st.column_config.NumberColumn(width=60, pinned=True),
        "State": st.column_config.TextColumn(width=80),
        "Reply": st.column_config.TextColumn(width="large"),
        "Reference": st.column_config.TextColumn(width="medium"),
    }
    for key, info in metric_infos(run).items():
        if info.minimum == 0 and info.maximum == 1:
            columns[key] = st.column_config.ProgressColumn(
                min_value=0.0, max_value=1.0, format="%.2f", width=max(125, 24 + 7 * len(key))
            )
        else:
            columns[key] = st.column_config.NumberColumn(format="%.4g")
    return columns


def _frame(run: Run, samples: tuple[StoredSample, ...]) -> pd.DataFrame:
    """Columns without any value on this page are left out."""
    rows = [_row(run, sample) for sample in samples]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pd.DataFrame(
        {
            name: values
            for name, values in columns.items()
            if any(value is not None for value in values)
        }
    )


def _row(run: Run, sample: StoredSample) -> dict[str, Any]:
    row: dict[str, Any] = {"Open": "Open", "Row": sample.position + 1}
    if run.spec.repeats > 1:
        row["Repeat"] = sample.key.repeat + 1
    row["State"] = sample.state
    values = {score.metric: score.value for score in sample.scores}
    row |= {metric.key: values.get(metric.key) for metric in run.spec.metrics}
    row["Reply"] = shortened(sample.reply.text, CELL_CHARACTERS) if sample.reply else None
    row["Error"] = (
        shortened(sample.error_message, CELL_CHARACTERS) if sample.error_message else None
    )
    row["Reference"] = reference_text(run, sample)
    for name in reversed(template_placeholders(run.spec.prompt.template)):
        row[name] = shortened(field_text(sample, name), CELL_CHARACTERS)
    row["Latency, s"] = round(sample.reply.latency_seconds, 3) if sample.reply else None
    return row


def reference_text(run: Run, sample: StoredSample) -> str | None:
    """The reference answers on one line; None without any."""
    return shortened(" | ".join(references(run, sample)), CELL_CHARACTERS) or None


def field_text(sample: StoredSample, name: str) -> str:
    """A field of the row; empty where it has none."""
    try:
        return str(field_value(sample.example.fields, name))
    except KeyError:
        return ""
