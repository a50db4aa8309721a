"""What the commands share: options, the workbench, tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prompt_app.cli.plain import AsJson as AsJson  # noqa: PLC0414 - most commands want it with the rest
from prompt_app.datamodel.counting import counted as counted  # noqa: PLC0414 - with the rest

if TYPE_CHECKING:
    from prompt_app.datamodel.score import MetricSummary

UNBROKEN = ("run", "state", "metric", "dataset", "example", "created")
"""Columns whose cells are copied or compared: they keep to one line."""

InProject = Annotated[
    str | None, typer.Option("--project", help="The project that it is to belong to.")
]
RunId = Annotated[str, typer.Argument(help="Run id, or any beginning of it that is unique.")]

PLAIN_WIDTH = 200
"""Of tables that go into a file or a pipe."""

console = Console(highlight=False)
if not console.is_terminal:
    console = Console(highlight=False, width=PLAIN_WIDTH)
notices = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Any JSON value, or a Record, or a list of those."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Cells are shown as plain text: markup in a dataset or a reply stays inert. A ``#`` behind
    a column's name, or a ``$`` at its end, puts it to the right."""
    if not rows:
        console.print(Text(empty))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = column.endswith(("#", "$"))
        table.add_column(
            column.rstrip("#"),
            justify="right" if numeric else "left",
            no_wrap=numeric or column in UNBROKEN,
        )
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    console.print(table)


def printable(text: str) -> str:
    """Without control characters, which could steer the terminal."""
    return "".join(
        character if character.isprintable() or character == "\n" else "�" for character in text
    )


def shortened(text: str, most: int = 60) -> str:
    """On one line, cut at ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def money(usd: float | None) -> str:
    """Four significant places below a dollar, cents above."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.4g}"


def duration(seconds: float | None) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def score_cells(summary: MetricSummary) -> list[str]:
    """Mean, interval, and the counts of examples, failed and skipped."""
    from prompt_app.datamodel.score import with_unit

    interval = summary.interval
    return [
        "none" if summary.mean is None else with_unit(f"{summary.mean:.4g}", summary.unit),
        "undefined" if interval is None else f"{interval.lower:.4g} to {interval.upper:.4g}",
        str(summary.examples),
        str(summary.failed),
        str(summary.skipped),
    ]
