"""``prompt-app quote``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, console, duration, money, print_json
from prompt_app.cli.opening import opened_workbench


def quote(
    file: Annotated[Path, typer.Argument(help="Evaluation file (YAML).")], as_json: AsJson = False
) -> None:
    """Tell what an evaluation will take, without running it."""
    from prompt_app.workbench.files import load_evaluation

    spec = load_evaluation(file)
    with opened_workbench() as workbench:
        told = workbench.quote(spec, folder=file.parent)
    if as_json:
        print_json(told)
        return
    lines = [
        ("samples", f"{told.samples:,}"),
        ("calls", f"{told.calls:,}"),
        ("from stored replies", f"{told.cached:,}"),
        ("skipped rows", f"{told.skipped_rows:,}"),
        ("few-shot rows left out", f"{told.excluded:,}"),
        ("input tokens", f"about {told.input_tokens:,}"),
        ("output tokens", f"{told.output_tokens_low:,} to {told.output_tokens_high:,}"),
        ("price", f"{money(told.cost_usd_low)} to {money(told.cost_usd_high)}"),
        ("time", f"{duration(told.seconds_low)} to {duration(told.seconds_high)}"),
    ]
    if told.batch_cost_usd_low is not None:
        batch = f"{money(told.batch_cost_usd_low)} to {money(told.batch_cost_usd_high)}"
        lines.insert(-1, ("price by batch jobs", batch))
    for name, value in lines:
        console.print(f"{name:24}{value}", markup=False)
    for model in told.unpriced_models:
        console.print(f"No price is known for {model}.", markup=False)
    for note in told.notes:
        console.print(note, markup=False)
