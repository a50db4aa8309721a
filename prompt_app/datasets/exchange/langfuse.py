"""Langfuse dataset items: ``id``, ``input``, ``expectedOutput``, ``metadata``, any JSON in them."""

from __future__ import annotations

from prompt_app.datamodel.dataset import Example
from prompt_app.datasets.exchange.shapes import (
    Exchange,
    Layout,
    Record,
    json_reader,
    one_or_list,
    other_fields,
    references_of,
    required,
    write_jsonl,
)
from prompt_app.datasets.values import RowRefused

_PASSED_ON = ("id", "metadata", "status", "sourceTraceId", "sourceObservationId", "datasetName")


def _fields(row: Record) -> Record:
    required(row, "input")
    return {**row, "expectedOutput": row.get("expectedOutput")}


def _record(example: Example, layout: Layout) -> Record:
    others = other_fields(example, layout, frozenset({"input", "expectedOutput"}))
    record: Record = {name: others.pop(name) for name in _PASSED_ON if others.get(name) is not None}
    if "id" not in record and layout.id_field:
        record["id"] = example.id
    references = references_of(example, layout)
    record["expectedOutput"] = one_or_list(references) if references else None
    if layout.input_field is None:
        record["input"] = others
        return record
    record["input"] = required(example.fields, layout.input_field)
    if others:
        metadata = record.get("metadata") or {}
        if not isinstance(metadata, dict) or metadata.keys() & others.keys():
            raise RowRefused("'metadata' has no room for the other fields")
        record["metadata"] = {**metadata, **others}
    return record


FORMAT = Exchange(
    title="Langfuse dataset items",
    ending="jsonl",
    reference_field="expectedOutput",
    read=json_reader(_fields),
    record=_record,
    write=write_jsonl,
)
