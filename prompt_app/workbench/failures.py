"""The rows that a run did badly on, as a dataset to work on."""

from __future__ import annotations

from dataclasses import dataclass

from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example, RowProblem
from prompt_app.datamodel.evaluation import Run
from prompt_app.datasets import RawRows, examples_of
from prompt_app.errors import DatasetError, InputError, UnknownNameError
from prompt_app.interfaces import RowFilter, Store
from prompt_app.interfaces.watching import tell

PAGE = 500
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Failures:
    """Which rows of a run; a row is taken where any of the conditions holds for any repeat."""

    failed: bool = True
    """The sample has no reply."""
    unscored: bool = False
    """``metric`` (or any) failed to score it."""
    metric: str | None = None
    """A metric's key."""
    at_most: float | None = None
    """Greatest value of ``metric``."""

    def described(self) -> str:
        parts = ["the call failed"] if self.failed else []
        if self.unscored:
            parts.append(f"{self.metric or 'a metric'} has no score")
        if self.at_most is not None:
            parts.append(f"{self.metric} is at most {self.at_most:g}")
        return " or ".join(parts)


@dataclass(frozen=True, slots=True)
class CollectedRows:
    """The dataset that was built."""

    version: DatasetVersion
    added: int
    already_there: int


def failing_positions(store: Store, run: Run, wanted: Failures) -> list[int]:
    """Of the rows in the run's dataset version, in order. Raises InputError for no condition."""
    filters = []
    if wanted.failed:
        filters.append(RowFilter(state="failed"))
    if wanted.unscored:
        filters.append(RowFilter(metric=wanted.metric, metric_failed=True))
    if wanted.at_most is not None:
        if wanted.metric is None:
            raise InputError("A greatest score needs the metric it is of.")
        filters.append(RowFilter(metric=wanted.metric, maximum=wanted.at_most))
    if not filters:
        raise InputError("Say which rows: failed calls, rows without a score, or low scores.")
    found: set[int] = set()
    for row_filter in filters:
        offset = 0
        while True:
            tell("rows found", len(found))
            page = store.list_samples(run.id, row_filter, offset=offset, limit=PAGE)
            found.update(sample.position for sample in page.items)
            offset += PAGE
            if offset >= page.total:
                break
    return sorted(found)


def collect_failures(store: Store, run: Run, wanted: Failures, name: str) -> CollectedRows:
    """Put the rows into dataset ``name``: a new one, or the next version of one that is there,
    which keeps its rows and gets those that it lacks.

    Raises DatasetError where no row of the run fits.
    """
    origin = store.get_dataset_version_by_id(run.spec.dataset_version)
    positions = failing_positions(store, run, wanted)
    if not positions:
        raise DatasetError(f"In no row of the run {run.id}: {wanted.described()}.")
    rows = store.examples_at(origin.id, positions)
    source = f"run {run.id}"
    note = f"Rows of {origin.name}@{origin.number} where {wanted.described()}, in {run.name}"
    try:
        base = store.get_dataset_version(name)
    except UnknownNameError:
        options = _plain_options(origin.options)
        version = store.save_dataset_version(
            name, options, _checked(rows, options), source=source, note=note
        )
        return CollectedRows(version, len(rows), 0)
    present = _all_rows(store, base)
    known = {example.fingerprint for example in present}
    fresh = [example for example in rows if example.fingerprint not in known]
    if not fresh:
        return CollectedRows(base, 0, len(rows))
    version = store.save_next_version(
        base, base.options, _checked([*present, *fresh], base.options), source=source, note=note
    )
    return CollectedRows(version, len(fresh), len(rows) - len(fresh))


def _plain_options(options: DatasetOptions) -> DatasetOptions:
    """Without what concerns the file and the splits of the whole."""
    return DatasetOptions(
        reference_field=options.reference_field,
        id_field=options.id_field,
        cluster_field=options.cluster_field,
    )


def _all_rows(store: Store, version: DatasetVersion) -> list[Example]:
    rows: list[Example] = []
    while len(rows) < version.rows:
        rows += store.list_examples(
            version.id, after_position=rows[-1].position if rows else -1, limit=ROWS_AT_ONCE
        )
    return rows


def _checked(rows: list[Example], options: DatasetOptions) -> list[Example]:
    raw: RawRows = ((place, dict(row.fields)) for place, row in enumerate(rows, start=1))
    good: list[Example] = []
    for each in examples_of(raw, options):
        if isinstance(each, RowProblem):
            raise DatasetError(f"Row {each.line} does not fit the dataset: {each.reason}.")
        good.append(each)
    return good
