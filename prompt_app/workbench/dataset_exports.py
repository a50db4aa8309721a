"""A dataset version as a file: of this product's own formats, or of another tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prompt_app.datamodel.dataset import DatasetVersion, Example, RowProblem
from prompt_app.datasets.exchange import EXCHANGES, Exchange, Layout
from prompt_app.datasets.guessing import guessed_input
from prompt_app.datasets.values import RowRefused
from prompt_app.errors import InputError
from prompt_app.workbench.exporting import WRITERS
from prompt_app.workbench.importing import BadRowsError

PROBLEMS_SHOWN = 20
OWN_FORMATS = tuple(WRITERS)
EXPORT_FORMATS = (*OWN_FORMATS, *EXCHANGES)


@dataclass(slots=True)
class ExportReport:
    """What became of the rows."""

    rows: int = 0
    """Written."""
    problems: list[RowProblem] = field(default_factory=list)
    """Rows that the format cannot express, with the reason; the first 1,000."""
    problem_count: int = 0
    left_out: tuple[str, ...] = ()
    """Fields that have no place in the format."""
    input_field: str | None = None
    """The field that was taken for what the model is asked, where the format needs one."""


def export_ending(export_format: str) -> str:
    """The ending of such a file's name. Raises UnknownNameError."""
    if export_format in OWN_FORMATS:
        return export_format
    exchange: Exchange = EXCHANGES.load(export_format)
    return exchange.ending


def export_dataset(
    rows: Callable[[], Iterator[Example]],
    version: DatasetVersion,
    path: Path,
    export_format: str,
    *,
    input_field: str | None = None,
    skip_rows: bool = False,
) -> ExportReport:
    """Write ``version``, whose ``rows`` may be asked for more than once, to ``path``, which
    appears only when it is whole.

    Raises BadRowsError naming the rows that the format cannot express, unless those are to be
    skipped; InputError where the format needs to know what the model is asked.
    """
    partial = path.with_name(path.name + ".part")
    try:
        if export_format in OWN_FORMATS:
            flat = (dict(example.fields) for example in rows())
            report = ExportReport(rows=WRITERS[export_format](flat, partial, version.columns))
        else:
            exchange: Exchange = EXCHANGES.load(export_format)
            report = _exchanged(rows, version, partial, exchange, input_field)
        if report.problem_count and not skip_rows:
            label = f"{version.name}@{version.number} as {export_format}"
            shown = report.problems[:PROBLEMS_SHOWN]
            raise BadRowsError(label, shown, report.problem_count)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return report


def _exchanged(
    rows: Callable[[], Iterator[Example]],
    version: DatasetVersion,
    path: Path,
    exchange: Exchange,
    input_field: str | None,
) -> ExportReport:
    layout = _layout(version, exchange, input_field)
    report = ExportReport(input_field=layout.input_field)
    if exchange.carried is not None:
        placed = {layout.reference_field, layout.input_field, *exchange.carried}
        report.left_out = tuple(name for name in version.columns if name not in placed)

    def records() -> Iterator[dict[str, Any]]:
        report.rows, report.problem_count = 0, 0
        report.problems.clear()
        for example in rows():
            try:
                if exchange.most_rows is not None and report.rows >= exchange.most_rows:
                    raise RowRefused(f"a file takes {exchange.most_rows:,} rows at most")
                record = exchange.record(example, layout)
            except RowRefused as refused:
                report.problem_count += 1
                if report.problem_count <= 1_000:
                    problem = RowProblem(line=example.position + 1, reason=str(refused))
                    report.problems.append(problem)
                continue
            report.rows += 1
            yield record

    with path.open("w", encoding="utf-8", newline="") as file:
        exchange.write(records, file)
    return report


def _layout(version: DatasetVersion, exchange: Exchange, input_field: str | None) -> Layout:
    options = version.options
    others = [name for name in version.columns if name != options.reference_field]
    chosen = input_field or guessed_input(others)
    if input_field is None and chosen is not None and not exchange.needs_input:
        chosen = chosen if chosen == "input" else None
    if exchange.needs_input and chosen is None:
        raise InputError(
            f"{exchange.title}: a row is one text or chat. Name the field that holds it "
            f"(--input-field); there are {', '.join(others[:20])}."
        )
    return Layout(options.reference_field, chosen, options.id_field)
