"""``prompt-app rows``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from prompt_app.cli.common import (
    AsJson,
    RunId,
    console,
    print_json,
    print_table,
    shortened,
)
from prompt_app.cli.opening import opened_workbench
from prompt_app.registry import unknown_name


def rows(  # noqa: PLR0917 - one option a filter
    run_id: RunId,
    metric: Annotated[str | None, typer.Option(help="Metric for --min, --max and --sort score.")]
    = None,
    minimum: Annotated[float | None, typer.Option("--min", help="Least score.")] = None,
    maximum: Annotated[float | None, typer.Option("--max", help="Greatest score.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only samples without a reply.")] = False,
    text: Annotated[str, typer.Option(help="Part of the row, the reply or the error.")] = "",
    sort: Annotated[
        Literal["position", "score", "latency", "cost"],
        typer.Option(help="position, score, latency or cost."),
    ] = "position",
    descending: Annotated[bool, typer.Option("--descending", help="Greatest first.")] = False,
    offset: Annotated[int, typer.Option(min=0, help="Rows to pass over.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows at the most.")] = 20,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List a run's rows with their replies and scores."""
    from prompt_app.interfaces import RowFilter
    from prompt_app.workbench.exporting import flat_row

    with opened_workbench() as workbench:
        run = workbench.run(run_id)
        keys = tuple(each.key for each in run.spec.metrics)
        if metric is not None and metric not in keys:
            raise unknown_name(f"metric of {run.id}", metric, keys)
        row_filter = RowFilter(
            state="failed" if failed else None,
            metric=metric or (keys[0] if keys else None),
            minimum=minimum,
            maximum=maximum,
            text=text,
            sort=sort,
            descending=descending,
        )
        page = workbench.rows(run.id, row_filter, offset=offset, limit=limit)
    flat = [flat_row(run, sample, keys) for sample in page.items]
    if as_json:
        print_json({"total": page.total, "offset": page.offset, "rows": flat})
        return
    table = [
        [
            row["example_id"][:16] + (f"#{row['repeat']}" if run.spec.repeats > 1 else ""),
            *("" if row[key] is None else f"{row[key]:.3g}" for key in keys),
            shortened(row["reply"] if row["reply"] is not None else row["error_message"] or ""),
        ]
        for row in flat
    ]
    print_table(["example", *(f"{key}#" for key in keys), "reply or error"], table, "No such rows.")
    shown = f"{page.offset + 1}-{page.offset + len(flat)}" if flat else "0"
    console.print(f"{shown} of {page.total}")
