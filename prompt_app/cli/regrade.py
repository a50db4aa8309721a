"""``prompt-app regrade``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from prompt_app.cli.common import (
    AsJson,
    RunId,
    console,
    money,
    print_json,
    print_table,
    printable,
)
from prompt_app.cli.opening import opened_workbench


def regrade(
    run_id: RunId,
    metric: Annotated[str, typer.Option(help="The judge's key in the run.")],
    rows: Annotated[int, typer.Option(min=2, max=1000, help="How many responses.")] = 20,
    seed: Annotated[int, typer.Option(help="Which ones: equal seeds choose the same.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Judge a few responses of a run again, to see whether the judge has changed.

    The judge is called anew, one response after another; nothing is stored.
    """
    with opened_workbench() as workbench:
        result = workbench.regrade(run_id, metric, rows=rows, seed=seed)
    if as_json:
        print_json(asdict(result))
        return
    console.print(
        f"{result.unchanged} of {len(result.rows)} scores are as before "
        f"({money(result.cost_usd)} for the calls).",
        markup=False,
    )
    console.print(result.comparison.sentence, markup=False)
    changed = [
        [printable(row.example_id), f"{row.before:g}", _shown(row.now), printable(row.problem)]
        for row in result.rows
        if row.now != row.before
    ]
    if changed:
        console.print()
        print_table(["example", "before#", "now#", ""], changed, "")


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
