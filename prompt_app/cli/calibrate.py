"""``prompt-app calibrate``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import (
    AsJson,
    RunId,
    console,
    counted,
    print_json,
    print_table,
    printable,
)
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import InputError

if TYPE_CHECKING:
    from prompt_app.datamodel.score import Interval
    from prompt_app.statistics.agreement import Agreement
    from prompt_app.statistics.estimate import Estimate
    from prompt_app.workbench.calibrating import Calibration

ROWS_SHOWN = 20


def calibrate(
    run_id: RunId,
    metric: Annotated[str, typer.Option(help="The judge's key in the run.")],
    labels: Annotated[
        str | None, typer.Option(help="Field with people's labels of these responses.")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="Or the label queue in which people labelled them.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Stored dataset (name or name@number) with the labels, by example id."),
    ] = None,
    suggest: Annotated[
        int, typer.Option(min=0, help="Name so many rows whose labels would help most.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Hold a judge's scores against people's labels, and correct its mean by its errors.

    The mean is corrected only where the judge is shown to be better than chance.
    """
    if (labels is None) == (queue is None):
        raise InputError("Give either --labels FIELD or --queue NAME.")
    with opened_workbench() as workbench:
        result = workbench.calibrate(
            run_id, metric, labels or "", dataset=dataset, queue=queue, suggest=suggest
        )
    if as_json:
        print_json(asdict(result))
        return
    _print(result)


def _print(result: Calibration) -> None:
    console.print(
        f"{result.metric}: {counted(result.labelled, 'row')} labelled by people and judged, "
        f"{result.unlabelled} judged alone, {result.unscored} labelled that the judge could not "
        "score.",
        markup=False,
    )
    _print_estimates(result)
    if result.agreement is not None:
        _print_confusion(result.agreement)
    console.print()
    if result.corrected is None:
        console.print(f"Not corrected: {result.refusal}", markup=False)
    else:
        console.print(
            f"The judge's own mean is {result.corrected.raw:.4g}; people would have given "
            f"{result.corrected.value:.4g} (95% interval {_bounds(result.corrected.interval)}).",
            markup=False,
        )
    if result.stratified is not None:
        console.print(
            f"From the labels alone, weighted by the judge's scores: {result.stratified.value:.4g} "
            f"(95% interval {_bounds(result.stratified.interval)}). This one stays right where "
            "rows were labelled by --suggest.",
            markup=False,
        )
    _print_disagreements(result)
    if result.label_next:
        console.print("\nTo label next:", markup=False)
        for example in result.label_next:
            console.print(printable(example), markup=False)


def _print_estimates(result: Calibration) -> None:
    named: list[tuple[str, Estimate | None]] = []
    if result.agreement is not None:
        named += [
            ("accuracy", result.agreement.accuracy),
            ("Cohen's kappa", result.agreement.kappa),
        ]
        if len(result.agreement.labels) > 2:
            named.append(("quadratic kappa", result.agreement.quadratic_kappa))
    named += [
        ("passes found (sensitivity)", result.sensitivity),
        ("fails found (specificity)", result.specificity),
        ("better than chance by", result.informedness),
        ("Spearman's correlation", result.correlation),
    ]
    rows = [
        [name, "undefined" if each.value is None else f"{each.value:.3f}", _bounds(each.interval)]
        for name, each in named
        if each is not None
    ]
    print_table(["agreement", "value#", "95% interval#"], rows, "")


def _bounds(interval: Interval | None) -> str:
    return "undefined" if interval is None else f"{interval.lower:.3g} to {interval.upper:.3g}"


def _print_confusion(agreed: Agreement) -> None:
    console.print()
    rows = [
        [f"people: {label}", *counts]
        for label, counts in zip(agreed.labels, agreed.confusion, strict=True)
    ]
    print_table(["", *(f"judge: {label}#" for label in agreed.labels)], rows, "")


def _print_disagreements(result: Calibration) -> None:
    if not result.disagreements:
        return
    console.print()
    shown = result.disagreements[:ROWS_SHOWN]
    rows = [[printable(each.example_id), f"{each.human:g}", f"{each.judge:g}"] for each in shown]
    print_table(["example", "people#", "judge#"], rows, "")
    if len(result.disagreements) > len(shown):
        console.print(f"... and {len(result.disagreements) - len(shown)} more; --json has all.")
