"""Inspect samples: ``input``, ``target``, ``id``, ``choices``, ``metadata``, sandbox."""

from __future__ import annotations

from prompt_app.datamodel.dataset import Example
from prompt_app.datasets.exchange.shapes import (
    Exchange,
    Layout,
    Record,
    asked,
    json_reader,
    one_or_list,
    other_fields,
    references_of,
    required,
    write_jsonl,
)
from prompt_app.datasets.values import RowRefused

_PASSED_ON = ("id", "choices", "sandbox", "files", "setup")


def _fields(row: Record) -> Record:
    required(row, "input")
    return {**row, "target": row.get("target")}


def _record(example: Example, layout: Layout) -> Record:
    others = other_fields(example, layout, frozenset({"input", "target"}))
    record: Record = {
        "input": asked(example, layout),
        "target": one_or_list(references_of(example, layout)) or "",
    }
    record |= {name: others.pop(name) for name in _PASSED_ON if others.get(name) is not None}
    if "id" not in record and layout.id_field:
        record["id"] = example.id
    if not isinstance(record.get("id", ""), str | int):
        raise RowRefused("the 'id' is neither text nor a whole number")
    if not isinstance(record.get("choices", []), list):
        raise RowRefused("'choices' is not a list")
    metadata = others.pop("metadata", None) or {}
    if not isinstance(metadata, dict):
        raise RowRefused("'metadata' is not an object")
    twice = next((name for name in others if name in metadata), None)
    if twice is not None:
        raise RowRefused(f"the field {twice!r} also stands in 'metadata'")
    metadata = {**metadata, **others}
    return record | ({"metadata": metadata} if metadata else {})


FORMAT = Exchange(
    title="Inspect samples, JSON lines",
    ending="jsonl",
    reference_field="target",
    read=json_reader(_fields),
    record=_record,
    write=write_jsonl,
    needs_input=True,
)
