"""``prompt-app variance``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, RunId, console, counted, print_json, print_table
from prompt_app.cli.opening import opened_workbench

SOURCES = {"example": "examples", "sampling": "repeats", "judge": "judgements"}


def variance(
    run_id: RunId,
    metric: Annotated[str, typer.Option(help="Whose scores' spread to split.")],
    as_json: AsJson = False,
) -> None:
    """Split the spread of a run's scores into examples, sampling and the judge's noise.

    Tells which of examples, repeats and judge's votes to buy more of. Sampling shows with repeats,
    the judge's noise with several votes.
    """
    with opened_workbench() as workbench:
        split = workbench.split_variance(run_id, metric)
    if as_json:
        print_json(asdict(split))
        return
    components = split.components
    known = {name: getattr(components, name) for name in SOURCES}
    doubled = {str(source): error for source, error in split.advice.doubled.items()}
    rows = [
        [name, "unknown" if value is None else f"{value:.4g}",
         "" if value is None else f"{split.shares.get(name, 0):.0%}",
         f"{doubled[SOURCES[name]]:.3g}" if SOURCES[name] in doubled else ""]
        for name, value in known.items()
    ]  # fmt: skip
    clusters = ""
    if components.clusters is not None:
        clusters = f" in {counted(components.clusters, 'cluster')}"
    console.print(
        f"examples: {components.examples}{clusters}, responses to each: {components.repeats:.3g}, "
        f"judgements of each: {components.judgements:.3g}; the standard error of the mean is "
        f"{split.advice.standard_error:.3g}.",
        markup=False,
    )
    print_table(["source", "variance#", "share#", "standard error, doubled#"], rows, "")
    console.print(split.advice.sentence, markup=False)
