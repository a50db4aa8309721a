"""Takes the rows of old runs out of the database into Parquet files of the blob store, and reads
them there."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import Run, SampleKey
from prompt_app.errors import BlobError, ConflictError, EvaluationError, UnknownNameError
from prompt_app.interfaces import Page, RowFilter, Store, StoredSample
from prompt_app.settings import Settings
from prompt_app.storage import open_blob_store

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pydantic import TypeAdapter

GROUP = 2000
"""Rows of one row group. To show a page, the groups that its rows stand in are read, and of the
other rows only the columns that it is filtered and sorted by."""


class Archiving:
    """``Workbench.archive``. A file has a row for each sample: what pages filter and sort by as
    columns, scores as ``score.<metric>``, and the whole sample as JSON in ``sample``."""

    def __init__(self, settings: Settings, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor
        self._blobs = open_blob_store(settings)

    def archive(self, run: Run) -> int:
        """The number of rows that are in the file now and no longer in the database. The file is
        read back before anything is deleted. Raises EvaluationError for a run that has not
        ended, ConflictError for one that is archived."""
        self._actor.require(Role.ADMIN, "archive runs")
        if self._store.archive_key(run.id) is not None:
            raise ConflictError(f"Run {run.id} is archived already.")
        if run.state not in ("finished", "cancelled", "failed"):
            raise EvaluationError(f"Run {run.id} is {run.state}; only one that ended can go.")
        key = f"archive/{run.id}.parquet"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.parquet"
            count = self._write(run, file)
            with file.open("rb") as data:
                self._blobs.put(key, data)
        with self._opened(key) as written:
            found = sum(batch.num_rows for batch in written.iter_batches(GROUP, columns=["sample"]))
        if found != count:
            raise EvaluationError(f"The archive {key} is not whole; nothing was deleted.")
        self._store.archive_run(run.id, key)
        return count

    def archive_older_than(self, days: float) -> dict[str, int]:
        """Every run that ended so long ago -> its number of rows."""
        before = datetime.now(UTC) - timedelta(days=days)
        found = self._store.archivable_runs(before)
        return {run_id: self.archive(self._store.get_run(run_id)) for run_id in found}

    def rows(self, run: Run, wanted: RowFilter, *, offset: int = 0, limit: int = 50) -> Page[Any]:
        """As :meth:`prompt_app.interfaces.Store.list_samples`."""
        import pyarrow.compute as pc

        key = self._key(run)
        table = self._table(key, _columns_for(wanted))
        mask = _mask(table, wanted)
        numbers = pc.indices_nonzero(mask) if mask is not None else None
        total = table.num_rows if numbers is None else len(numbers)
        order = _order(wanted)
        if order:
            kept = table if numbers is None else table.take(numbers)
            sorted_at = pc.sort_indices(kept, sort_keys=order)
            numbers = sorted_at if numbers is None else numbers.take(sorted_at)
        if numbers is None:
            chosen = list(range(offset, min(offset + limit, total)))
        else:
            chosen = numbers.slice(offset, limit).to_pylist()
        return Page(tuple(self._samples(key, chosen)), total, offset)

    def row(self, run: Run, key: SampleKey) -> StoredSample:
        """Raises UnknownNameError."""
        file = self._key(run)
        table = self._table(file, ["example_id", "repeat"])
        places = zip(table["example_id"].to_pylist(), table["repeat"].to_pylist(), strict=True)
        for number, place in enumerate(places):
            if place == (key.example_id, key.repeat):
                return self._samples(file, [number])[0]
        raise UnknownNameError("sample", f"{key.example_id}, repeat {key.repeat}")

    def values(self, run: Run, metric: str) -> list[float]:
        """Of one metric, in order of example; samples without one left out."""
        column = self._table(self._key(run), [f"score.{metric}"])[f"score.{metric}"]
        return [value for value in column.to_pylist() if value is not None]

    def error_counts(self, run: Run) -> dict[str, int]:
        """Failed samples by error kind, the commonest first."""
        if run.progress.failed == 0:
            return {}
        kinds = self._table(self._key(run), ["error_kind"])["error_kind"].to_pylist()
        return dict(Counter(kind for kind in kinds if kind is not None).most_common())

    def outcomes(self, run: Run, metric: str) -> list[tuple[str, int, float | None]]:
        """As :meth:`prompt_app.interfaces.Store.iterate_outcomes`."""
        column = f"score.{metric}"
        if metric not in {each.key for each in run.spec.metrics}:
            return []
        table = self._table(self._key(run), ["example_id", "repeat", "failed", column])
        rows = zip(*(each.to_pylist() for each in table.columns), strict=True)
        return [
            (example, repeat, value)
            for example, repeat, failed, value in rows
            if value is not None or metric in failed
        ]

    def iterate(self, run: Run) -> Iterator[StoredSample]:
        """All rows in order, a row group in memory at a time."""
        with self._opened(self._key(run)) as file:
            for batch in file.iter_batches(GROUP, columns=["sample"]):
                for item in batch.column(0):
                    yield _adapter().validate_json(item.as_py())

    @contextmanager
    def _opened(self, key: str) -> Iterator[pq.ParquetFile]:
        """Raises BlobError, also for a file that is damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        advice = "Put it back from a backup, or set PROMPT_APP_BLOB_URL to where the archive is."
        try:
            with self._blobs.open(key) as data:
                yield pq.ParquetFile(data)
        except BlobError as error:
            raise BlobError(f"{error} It has the rows of an archived run. {advice}") from error
        except (pa.ArrowException, OSError) as error:
            what = f"The file {key!r} with the rows of an archived run is damaged: {error}"
            raise BlobError(f"{what} {advice}") from error

    def _key(self, run: Run) -> str:
        key = self._store.archive_key(run.id)
        if key is None:
            raise UnknownNameError("archived run", run.id)
        return key

    def _table(self, key: str, columns: list[str]) -> pa.Table:
        """All rows; a column that the file has not is empty."""
        import pyarrow as pa

        with self._opened(key) as file:
            known = file.schema_arrow.names
            table = file.read([each for each in columns if each in known])
        for column in columns:
            if column not in known:
                table = table.append_column(column, pa.nulls(table.num_rows, pa.float64()))
        return table

    def _samples(self, key: str, numbers: list[int]) -> list[StoredSample]:
        """Whole rows by their places in the file, in the order of ``numbers``."""
        found: dict[int, StoredSample] = {}
        start = 0
        with self._opened(key) as file:
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                wanted = [number for number in numbers if start <= number < end]
                if wanted:
                    samples = file.read_row_group(group, ["sample"])["sample"]
                    for number in wanted:
                        item = samples[number - start].as_py()
                        found[number] = _adapter().validate_json(item)
                start = end
        return [found[number] for number in numbers]

    def _write(self, run: Run, file: Path) -> int:
        import pyarrow as pa
        import pyarrow.parquet as pq

        keys = [metric.key for metric in run.spec.metrics]
        schema = pa.schema(
            [
                ("position", pa.int64()), ("repeat", pa.int32()), ("example_id", pa.string()),
                ("state", pa.string()), ("error_kind", pa.string()), ("latency", pa.float64()),
                ("cost", pa.float64()), ("failed", pa.list_(pa.string())), ("text", pa.string()),
                *((f"score.{key}", pa.float64()) for key in keys), ("sample", pa.binary()),
            ]
        )  # fmt: skip
        rows = (_columns(sample, keys) for sample in self._store.iterate_samples(run.id))
        count = 0
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            while group := list(islice(rows, GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema))
                count += len(group)
        return count


def _columns(sample: StoredSample, keys: list[str]) -> dict[str, Any]:
    reply = sample.reply
    values = {score.metric: score.value for score in sample.scores}
    words = [*map(str, sample.example.fields.values()), reply.text if reply else "",
             sample.error_message or ""]  # fmt: skip
    text = "\n".join(words).casefold()
    return {
        "position": sample.position,
        "repeat": sample.key.repeat,
        "example_id": sample.key.example_id,
        "state": sample.state,
        "error_kind": sample.error_kind,
        "latency": reply.latency_seconds if reply else None,
        "cost": sample.cost_usd,
        "failed": [failure.metric for failure in sample.failures],
        "text": text.encode("utf-8", "replace").decode(),
        "sample": _adapter().dump_json(sample),
        **{f"score.{key}": values.get(key) for key in keys},
    }


def _columns_for(wanted: RowFilter) -> list[str]:
    """What the filter and the order ask for."""
    columns = ["position", "repeat"]
    columns += [each for each in ("state", "error_kind") if getattr(wanted, each) is not None]
    columns += ["failed"] if wanted.metric_failed else []
    columns += ["text"] if wanted.text else []
    columns += [wanted.sort] if wanted.sort in ("latency", "cost") else []
    return columns if wanted.metric is None else [*columns, f"score.{wanted.metric}"]


def _mask(table: pa.Table, wanted: RowFilter) -> Any:
    """Which rows fit; None where all do."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts: list[Any] = _score_masks(table, wanted)
    for column in ("state", "error_kind"):
        value = getattr(wanted, column)
        if value is not None:
            parts.append(pc.equal(table[column], value))
    if wanted.metric_failed:
        names = table["failed"].to_pylist()
        metric = wanted.metric
        parts.append(pa.array([bool(each) if metric is None else metric in each for each in names]))
    if wanted.text:
        parts.append(pc.match_substring(table["text"], wanted.text.casefold()))
    if not parts:
        return None
    mask = pc.fill_null(parts[0], False)
    for part in parts[1:]:
        mask = pc.and_(mask, pc.fill_null(part, False))
    return mask


def _score_masks(table: pa.Table, wanted: RowFilter) -> list[Any]:
    import pyarrow.compute as pc

    if wanted.minimum is None and wanted.maximum is None:
        return []
    if wanted.metric is None:
        raise EvaluationError("A least or greatest score needs the metric it is of.")
    values, masks = table[f"score.{wanted.metric}"], []
    if wanted.minimum is not None:
        masks.append(pc.greater_equal(values, wanted.minimum))
    if wanted.maximum is not None:
        masks.append(pc.less_equal(values, wanted.maximum))
    return masks


def _order(wanted: RowFilter) -> list[tuple[str, str, str]]:
    """Keys to sort by; none for the order in which the file is."""
    direction = "descending" if wanted.descending else "ascending"
    if wanted.sort == "position" and not wanted.descending:
        return []
    first = {"latency": ["latency"], "cost": ["cost"], "position": []}
    if wanted.sort == "score":
        if wanted.metric is None:
            raise EvaluationError("Sorting by score needs the metric whose score it is.")
        columns = [f"score.{wanted.metric}"]
    else:
        columns = first[wanted.sort]
    return [(column, direction, "at_end") for column in (*columns, "position", "repeat")]


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[StoredSample]:
    from pydantic import TypeAdapter

    return TypeAdapter(StoredSample)
