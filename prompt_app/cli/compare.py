"""``prompt-app compare``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt_app.cli.common import (
    AsJson,
    console,
    print_json,
    print_table,
    printable,
)
from prompt_app.cli.opening import opened_workbench
from prompt_app.datamodel.score import cautions
from prompt_app.errors import InputError

if TYPE_CHECKING:
    from prompt_app.statistics.verdict import PairedComparison
    from prompt_app.workbench.comparing import RunComparison

RUN_IDS = "The baseline's run id, then those to compare with it; any unique beginning will do."
MARGIN = (
    "Largest difference that does not matter, to ask whether the runs are equivalent: a number "
    "for all metrics from 0 to 1 (0.02 is two points), or METRIC=NUMBER, which may be repeated."
)


def compare(
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN RUN [RUN...]", help=RUN_IDS)],
    margin: Annotated[list[str], typer.Option(help=MARGIN)] = [],  # noqa: B006 - Typer copies it
    metric: Annotated[list[str], typer.Option(help="Only this metric; may be repeated.")] = [],  # noqa: B006
    flips: Annotated[
        bool, typer.Option("--flips", help="List the examples that pass in one run only.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a self-contained report of it to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether runs differ from the first, matched example by example.

    The p-values are corrected for the number of metrics and runs compared.
    """
    margins = parse_margins(margin)
    if html is not None and not html.absolute().parent.is_dir():
        raise InputError(f"There is no folder {html.parent}.")
    with opened_workbench() as workbench:
        compared = workbench.compare(run_ids, margin=margins, metrics=metric)
        if html is not None:
            html.write_text(workbench.reports.comparison(run_ids, margin=margins), "utf-8")
    if as_json:
        print_json(as_data(compared))
        return
    _print(compared)
    if flips:
        _print_flips(compared.results)


def parse_margins(given: list[str]) -> float | dict[str, float] | None:
    """``["0.02"]`` is one number for all; ``["squad_f1=0.02"]`` one by metric."""
    from prompt_app.errors import EvaluationError

    margins: dict[str, float] = {}
    for each in given:
        name, _, number = each.rpartition("=")
        try:
            margins[name] = float(number)
        except ValueError:
            raise EvaluationError(
                f"--margin takes a number or METRIC=NUMBER, not {each!r}."
            ) from None
        if not margins[name] > 0:
            raise EvaluationError(f"--margin must be above 0, not {each!r}.")
    if len(margins) < len(given) or ("" in margins and len(margins) > 1):
        raise EvaluationError("Give --margin once as a number, or once for each metric.")
    return margins.get("", margins or None)


def as_data(compared: RunComparison) -> dict[str, Any]:
    """As JSON values."""
    return {
        "baseline": {"id": compared.baseline.id, "name": compared.baseline.name},
        "candidates": [{"id": run.id, "name": run.name} for run in compared.candidates],
        "shared_examples": dict(compared.shared_examples),
        "comparisons": [asdict(result) for result in compared.results],
        "warnings": list(compared.warnings),
    }


def _print(compared: RunComparison) -> None:
    for warning in compared.warnings:
        console.print(f"Beware: {printable(warning)}", markup=False)
    console.print(f"baseline   {_named(compared.baseline)}", markup=False)
    for candidate in compared.candidates:
        console.print(f"\ncandidate  {_named(candidate)}", markup=False)
        own = [each for each in compared.results if each.candidate_name == candidate.id]
        columns = ["metric", "baseline#", "candidate#", "difference#", "95% interval#", "p#",
                   "effect#", "pairs#", "verdict"]  # fmt: skip
        print_table(columns, [_cells(each) for each in own], "No metric in common.")
        console.print()
        for each in own:
            console.print(f"{each.metric}: {each.sentence}", markup=False)
    for sentence in cautions(each.interval for each in compared.results):
        console.print(sentence, markup=False)


def _named(run: Any) -> str:
    return printable(f"{run.id}  {run.name}  ({run.spec.dataset_name})")


def _cells(result: PairedComparison) -> list[str]:
    interval = result.interval
    return [
        result.metric,
        _number(result.baseline_mean),
        _number(result.candidate_mean),
        _number(result.difference, signed=True),
        "undefined" if interval is None else f"{interval.lower:+.3g} to {interval.upper:+.3g}",
        _number(result.p_adjusted, digits=2),
        "" if result.effect_size is None else f"{result.effect_name} {result.effect_size:+.2f}",
        str(result.pairs),
        result.verdict.replace("_", " "),
    ]


def _number(value: float | None, *, signed: bool = False, digits: int = 4) -> str:
    if value is None:
        return "none"
    return f"{value:+.{digits}g}" if signed else f"{value:.{digits}g}"


def _print_flips(results: tuple[PairedComparison, ...]) -> None:
    rows = [
        [result.metric, result.candidate_name, change, example]
        for result in results
        for change, examples in (("gained", result.gained), ("lost", result.lost))
        for example in examples
    ]
    console.print()
    print_table(["metric", "candidate", "change", "example"], rows, "No example flipped.")
