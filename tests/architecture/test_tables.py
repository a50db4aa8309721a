"""Every table and every chart of the studio can be downloaded: there is one way to show one."""

from __future__ import annotations

import re
from pathlib import Path

UI = Path(__file__).resolve().parents[2] / "prompt_app" / "ui"
OWN_FILES = {"tables.py", "row_table.py", "dataset_rows.py"}
"""The way itself, and the two tables that show a page of what is downloaded whole."""
SHOWN = re.compile(r"st\.(dataframe|table|\w*_chart|map)\(")


def test_tables_and_charts_come_with_their_downloads() -> None:
    bare = [
        f"{path.name}: {found.group()}"
        for path in UI.rglob("*.py")
        if path.name not in OWN_FILES
        for found in SHOWN.finditer(path.read_text("utf-8"))
    ]
    assert bare == [], "show these with components/tables.py"
