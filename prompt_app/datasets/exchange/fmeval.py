"""fmeval: JSONL of ``model_input`` and ``target_output``, alternatives between ``<OR>``."""

from __future__ import annotations

from prompt_app.datamodel.dataset import REFERENCE_SEPARATOR, Example
from prompt_app.datasets.exchange.shapes import (
    Exchange,
    Layout,
    Record,
    asked_text,
    json_reader,
    other_fields,
    references_of,
    required,
    write_jsonl,
)

_OWN = frozenset({"model_input", "target_output"})


def _fields(row: Record) -> Record:
    required(row, "model_input")
    return {**row, "target_output": row.get("target_output")}


def _record(example: Example, layout: Layout) -> Record:
    target = REFERENCE_SEPARATOR.join(references_of(example, layout))
    own = {"model_input": asked_text(example, layout), "target_output": target}
    return own | other_fields(example, layout, _OWN)


FORMAT = Exchange(
    title="fmeval, JSONL",
    ending="jsonl",
    reference_field="target_output",
    read=json_reader(_fields),
    record=_record,
    write=write_jsonl,
    needs_input=True,
)
