"""A dataset version as a file, also of another tool; rows that do not fit there are named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.datasets.exchange import EXCHANGES
from prompt_app.datasets.guessing import guessed_input
from prompt_app.errors import PromptAppError
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench
from prompt_app.workbench.dataset_exports import EXPORT_FORMATS, ExportReport, export_ending

OWN_TITLES = {"jsonl": "JSONL", "csv": "CSV", "parquet": "Parquet"}
_MADE = "export.made"


@dataclass(frozen=True)
class MadeFile:
    """A file on disk that waits to be downloaded; gone when the session ends."""

    key: tuple[str, str, str | None]
    path: Path
    report: ExportReport
    folder: TemporaryDirectory[str]


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
    key = (version.id, chosen, asked)
    if wanted:
        _make(version, key)
    made: MadeFile | None = st.session_state.get(_MADE)
    if made is not None and made.key == key:
        _offer(version, made)


def format_title(name: str) -> str:
    return OWN_TITLES[name] if name in OWN_TITLES else str(EXCHANGES.load(name).title)


def _make(version: DatasetVersion, key: tuple[str, str, str | None]) -> None:
    _, export_format, asked = key
    folder = TemporaryDirectory(prefix="prompt-app-")
    name = f"{version.name}-{version.number}.{export_ending(export_format)}"
    path = Path(folder.name) / name
    try:
        with st.spinner("Writing every row"):
            report = workbench().curation.export(
                version, path, export_format, input_field=asked, skip_rows=True
            )
    except PromptAppError as error:
        folder.cleanup()
        show_message(message_of(error).replace(" (--input-field)", ""))
        return
    st.session_state[_MADE] = MadeFile(key, path, report, folder)


def _offer(version: DatasetVersion, made: MadeFile) -> None:
    report = made.report
    if report.problem_count:
        st.warning(
            f"{report.problem_count:,} of {version.rows:,} rows cannot be expressed there and are "
            "left out.",
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
    if report.left_out:
        st.caption(plain(f"Fields without a place there: {', '.join(report.left_out)}"))
    st.download_button(
        f"Download {report.rows:,} rows",
        made.path.read_bytes,
        file_name=made.path.name,
        mime="application/octet-stream",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        disabled=report.rows == 0,
    )
