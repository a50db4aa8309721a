"""A run's rows as JSONL, CSV or Parquet. One flat object a sample, written a page at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from prompt_app.datamodel.evaluation import Run
from prompt_app.errors import InputError
from prompt_app.interfaces import Store, StoredSample
from prompt_app.workbench.unpriced import sample_cost

ExportFormat = Literal["jsonl", "csv", "parquet"]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
GROUP = 1000


def flat_row(run: Run, sample: StoredSample, metric_keys: tuple[str, ...]) -> dict[str, Any]:
    """One sample as a flat mapping; the example's fields stand behind ``input.``."""
    reply = sample.reply
    row: dict[str, Any] = {
        "example_id": sample.key.example_id,
        "repeat": sample.key.repeat,
        "state": sample.state,
        "reply": reply.text if reply else None,
    }
    values = {score.metric: score for score in sample.scores}
    failed = {failure.metric: failure for failure in sample.failures}
    for key in metric_keys:
        score = values.get(key)
        row[key] = score.value if score else None
        row[f"{key}.reason"] = score.reason if score else None
        row[f"{key}.failure"] = failed[key].message if key in failed else None
    row |= {
        "error_kind": sample.error_kind,
        "error_message": sample.error_message,
        "finish_reason": reply.outputs[0].finish_reason if reply else None,
        "input_tokens": reply.usage.input if reply else None,
        "output_tokens": reply.usage.output if reply else None,
        "latency_seconds": reply.latency_seconds if reply else None,
        "cost_usd": sample_cost(run, sample),
        "cached": sample.cached,
        "request_id": reply.request_id if reply else None,
    }
    row |= {f"input.{name}": value for name, value in sample.example.fields.items()}
    return row


def neutral_cell(value: Any) -> Any:
    """A cell that a spreadsheet shows and does not run: text that starts like a formula gets an
    apostrophe before it; lists and objects become JSON."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def export_rows(
    store: Store,
    run: Run,
    samples: Iterable[StoredSample],
    path: Path,
    export_format: ExportFormat,
) -> int:
    """Write ``samples``, every row of ``run``, to ``path``; returns how many. The file appears
    under its name only when it is whole."""
    if export_format not in WRITERS:
        raise InputError(f"No export format {export_format!r}; there are {', '.join(WRITERS)}.")
    keys = tuple(metric.key for metric in run.spec.metrics)
    rows = (flat_row(run, sample, keys) for sample in samples)
    first = next(rows, {})
    columns = _columns(store, run, first)
    partial = path.with_name(path.name + ".part")
    try:
        whole = chain([first], rows) if first else rows
        count = WRITERS[export_format](whole, partial, columns)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _columns(store: Store, run: Run, first: dict[str, Any]) -> tuple[str, ...]:
    """All columns: those of the dataset are known before the rows are read."""
    dataset = store.get_dataset_version_by_id(run.spec.dataset_version)
    plain = [name for name in first if name[:6] != "input."]
    return (*plain, *(f"input.{name}" for name in dataset.columns))


def _write_jsonl(rows: Iterator[dict[str, Any]], path: Path, columns: tuple[str, ...]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _write_csv(rows: Iterator[dict[str, Any]], path: Path, columns: tuple[str, ...]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writerow({name: neutral_cell(name) for name in columns})
        for row in rows:
            writer.writerow({name: neutral_cell(value) for name, value in row.items()})
            count += 1
    return count


def _write_parquet(rows: Iterator[dict[str, Any]], path: Path, columns: tuple[str, ...]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {"cost_usd", "latency_seconds", "input_tokens", "output_tokens", "repeat"}
    first = next(rows, None)
    if first is None:
        pq.write_table(pa.table({name: pa.array([], pa.string()) for name in columns}), path)
        return 0
    metric_values = {name for name in columns if f"{name}.reason" in columns}
    schema = pa.schema(
        [
            (name, pa.float64() if name in numbers | metric_values
             else pa.bool_() if name == "cached" else pa.string())
            for name in columns
        ]
    )  # fmt: skip
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        group = [first, *islice(rows, GROUP - 1)]
        while group:
            arrays = [
                pa.array([_parquet_cell(row.get(each.name), each.type) for row in group], each.type)
                for each in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(group)
            group = list(islice(rows, GROUP))
    return count


def _parquet_cell(value: Any, kind: Any) -> Any:
    if value is None or str(kind) == "bool":
        return value
    if str(kind) == "double":
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


WRITERS: dict[str, Callable[[Iterator[dict[str, Any]], Path, tuple[str, ...]], int]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}
"""Format -> (rows, path, columns) -> rows written."""
