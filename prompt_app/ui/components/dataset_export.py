"""A dataset version as a file, also of another tool; rows that do not fit there are named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.datasets.exchange import EXCHANGES
from prompt_app.datasets.guessing import guessed_input
from prompt_app.errors import InputError
from prompt_app.ui.components.made_file import file_made, make_file
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.dataset_exports import EXPORT_FORMATS, ExportReport, export_ending

OWN_TITLES = {"jsonl": "JSONL", "csv": "CSV", "parquet": "Parquet"}


def export_section(version: DatasetVersion) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "File format",
            EXPORT_FORMATS,
            format_func=format_title,
            key="export.format",
            width=340,
        )
        asked = None
        if chosen in EXCHANGES:
            others = [name for name in version.columns if name != version.options.reference_field]
            guess = guessed_input(others)
            asked = st.selectbox(
                "What the model is asked",
                others,
                index=others.index(guess) if guess else None,
                placeholder="Choose a field",
                key="export.input",
                width=220,
                help="Formats whose rows are one text or chat take it from this field.",
            )
        wanted = st.button("Make the file", icon=":material/build:")
    place = f"export.{version.id}"
    if wanted:
        _make(place, version, chosen, asked)
    if (made := file_made(place)) is not None:
        _report(version, made.report)


def format_title(name: str) -> str:
    return OWN_TITLES[name] if name in OWN_TITLES else str(EXCHANGES.load(name).title)


def _make(place: str, version: DatasetVersion, export_format: str, asked: str | None) -> None:
    bench = workbench()

    def write(path: Path) -> ExportReport:
        try:
            return bench.curation.export(
                version, path, export_format, input_field=asked, skip_rows=True
            )
        except InputError as error:
            raise InputError(str(error).replace(" (--input-field)", "")) from None

    make_file(place, f"{version.name}-{version.number}.{export_ending(export_format)}", write)


def _report(version: DatasetVersion, report: ExportReport) -> None:
    if report.problem_count:
        st.warning(
            f"{report.problem_count:,} of {counted(version.rows, 'row')} cannot be expressed "
            "there and are left out.",
            icon=":material/warning:",
        )
        rows = [{"Row": each.line, "Reason": each.reason} for each in report.problems]
        data_table(
            pd.DataFrame(rows),
            "rows-left-out",
            most=6,
            column_config={"Row": st.column_config.NumberColumn(width=70)},
            alt="Rows that the format cannot express, and why",
        )
    st.caption(f"{counted(report.rows, 'row')} written.")
    if report.left_out:
        st.caption(plain(f"Fields without a place there: {', '.join(report.left_out)}"))
