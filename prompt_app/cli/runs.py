"""``prompt-app runs``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, money, print_json, print_table
from prompt_app.cli.opening import opened_workbench


def runs(
    text: Annotated[str, typer.Argument(help="Part of the name or id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    from prompt_app.workbench.unpriced import run_cost

    with opened_workbench() as workbench:
        page = workbench.list_runs(text=text, limit=limit)
    if as_json:
        print_json(list(page.items))
        return
    rows = [
        [
            run.id,
            run.state,
            run.name,
            run.spec.dataset_name,
            f"{run.progress.done}/{run.progress.total}",
            run.progress.failed,
            money(run_cost(run)),
            f"{run.created_at:%Y-%m-%d %H:%M}" if run.created_at else "",
        ]
        for run in page.items
    ]
    columns = ["run", "state", "prompt · model", "dataset", "done", "errors#", "cost$", "created"]
    print_table(columns, rows, "No runs yet. Start one: prompt-app run examples/evaluation.yaml")
