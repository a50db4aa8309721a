"""Writes the table of variables into docs/deployment.md; run it after a change."""

from __future__ import annotations

from pathlib import Path

from cdk_src.configuration import configuration_table

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/deployment.md"
BEGIN, END = "<!-- variables: begin -->\n", "<!-- variables: end -->\n"


def variables_table() -> str:
    rows = ["| variable | default | accepts | meaning |\n", "|---|---|---|---|\n"]
    for row in configuration_table():
        default = f"`{row.default}`" if row.default else ""
        rows.append(f"| `{row.name}` | {default} | {row.accepts} | {row.description} |\n")
    return "".join(rows)


def with_table(page: str) -> str:
    """``page`` with the part between the marks replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + variables_table() + END + after


if __name__ == "__main__":
    path = ROOT / PAGE
    path.write_text(with_table(path.read_text("utf-8")), "utf-8")
