"""OpenAI's hosted evals: JSONL of ``{"item": {...}}``, with ``sample`` where a row was sampled."""

from __future__ import annotations

from prompt_app.datamodel.dataset import Example
from prompt_app.datasets.exchange.shapes import (
    Exchange,
    Layout,
    Record,
    json_reader,
    required,
    write_jsonl,
)
from prompt_app.datasets.values import RowRefused

_SAMPLE = "sample"


def _fields(row: Record) -> Record:
    item = required(row, "item")
    if not isinstance(item, dict):
        raise RowRefused("'item' is not an object")
    if _SAMPLE not in row:
        return item
    if _SAMPLE in item:
        raise RowRefused("the item has a field 'sample' beside the row's own")
    return {**item, _SAMPLE: row[_SAMPLE]}


def _record(example: Example, layout: Layout) -> Record:
    item = dict(example.fields)
    if not isinstance(item.get(_SAMPLE), dict):
        return {"item": item}
    sample = item.pop(_SAMPLE)
    return {"item": item, _SAMPLE: sample}


FORMAT = Exchange(
    title="OpenAI hosted evals, rows",
    ending="jsonl",
    reference_field=None,
    read=json_reader(_fields),
    record=_record,
    write=write_jsonl,
)
