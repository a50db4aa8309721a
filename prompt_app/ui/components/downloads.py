"""Tables and reports as files, behind one button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from prompt_app.ui.components.made_file import make_file
from prompt_app.ui.components.wording import plain
from prompt_app.workbench.exporting import neutral_cell

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

MIME = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def table_downloads(frame: pd.DataFrame, name: str, *, key: str = "") -> None:
    """A menu that downloads ``frame`` as ``name``.csv, .json or .parquet."""
    key = key or name
    with _menu(key):
        for ending, mime in MIME.items():
            st.download_button(
                _title(ending),
                partial(table_file, frame, ending),
                file_name=f"{name}.{ending}",
                mime=mime,
                on_click="ignore",
                key=f"download.{key}.{ending}",
                width="stretch",
            )


def file_menu(
    place: str, name: str, make: Callable[[str, Path], Any], endings: Sequence[str]
) -> None:
    """A menu that makes the file ``name`` with one of ``endings``, for :func:`file_made` to offer;
    ``make`` gets the ending and where to write."""
    with _menu(place):
        for ending in endings:
            if st.button(_title(ending), key=f"download.{place}.{ending}", width="stretch"):
                make_file(place, f"{name}.{ending}", partial(make, ending))


def report_button(place: str, name: str, make: Callable[[], str]) -> None:
    """A button that makes one self-contained HTML file, for :func:`file_made` to offer."""
    if st.button(
        "HTML report",
        icon=":material/description:",
        key=f"report.{place}",
        help="One file to send, print or archive: it loads nothing from anywhere.",
    ):
        make_file(place, name, lambda path: path.write_text(make(), "utf-8"))


def _menu(key: str) -> DeltaGenerator:
    return st.popover(
        "Download", icon=":material/download:", key=f"download.{key}", type="tertiary"
    )


def _title(ending: str) -> str:
    return "Parquet" if ending == "parquet" else plain(ending.upper())


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
