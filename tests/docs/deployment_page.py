"""Writes the tables of variables and costs into docs/deployment.md; run it after a change."""

from __future__ import annotations

from pathlib import Path

from cdk_src.configuration import Configuration, configuration_table
from cdk_src.costs import PRICES_OF, costs_table

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/deployment.md"


def variables_table() -> str:
    rows = ["| variable | default | accepts | meaning |\n", "|---|---|---|---|\n"]
    for row in configuration_table():
        default = f"`{row.default}`" if row.default else ""
        rows.append(f"| `{row.name}` | {default} | {row.accepts} | {row.description} |\n")
    return "".join(rows)


def costs() -> str:
    return f"List prices of {PRICES_OF}:\n\n{costs_table(Configuration())}"


def with_tables(page: str) -> str:
    """``page`` with the parts between the marks replaced."""
    for name, table in (("variables", variables_table()), ("costs", costs())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + table + end + after
    return page


if __name__ == "__main__":
    path = ROOT / PAGE
    path.write_text(with_tables(path.read_text("utf-8")), "utf-8")
