"""A table as a file: CSV, JSON or Parquet, behind one button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

import streamlit as st

from prompt_app.ui.components.wording import plain
from prompt_app.workbench.exporting import neutral_cell

if TYPE_CHECKING:
    import pandas as pd

MIME = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


def table_downloads(frame: pd.DataFrame, name: str, *, key: str = "") -> None:
    """A menu that downloads ``frame`` as ``name``.csv, .json or .parquet."""
    file_downloads(name, partial(table_file, frame), ("csv", "json", "parquet"), key=key or name)


def file_downloads(
    name: str, make: Callable[[str], bytes], endings: Sequence[str], *, key: str
) -> None:
    """A menu that downloads ``name`` with each of ``endings``; ``make`` gives the file of an
    ending when it is asked for."""
    with st.popover("Download", icon=":material/download:", key=f"download.{key}", type="tertiary"):
        for ending in endings:
            st.download_button(
                plain(ending.upper()) if ending != "parquet" else "Parquet",
                partial(make, ending),
                file_name=f"{name}.{ending}",
                mime=MIME[ending],
                on_click="ignore",
                key=f"download.{key}.{ending}",
                width="stretch",
            )


def report_download(name: str, make: Callable[[], str]) -> None:
    """A button for one self-contained HTML file, which is made when it is asked for."""
    st.download_button(
        "HTML report",
        lambda: make().encode(),
        file_name=name,
        mime="text/html",
        icon=":material/description:",
        on_click="ignore",
        help="One file to send, print or archive: it loads nothing from anywhere.",
    )


def table_file(frame: pd.DataFrame, ending: str) -> bytes:
    """``frame`` in that format. In CSV, text that a spreadsheet would run is made harmless."""
    if ending == "json":
        return frame.to_json(orient="records", indent=2, force_ascii=False).encode()
    if ending == "parquet":
        buffer = BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()
    safe = frame.map(neutral_cell).rename(columns=neutral_cell)
    return safe.to_csv(index=False).encode()
