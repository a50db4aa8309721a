"""OpenAI's open-source evals: JSONL of ``{"input": chat or text, "ideal": text or texts}``."""

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

_OWN = frozenset({"input", "ideal"})


def _fields(row: Record) -> Record:
    required(row, "input")
    return {**row, "ideal": row.get("ideal")}


def _record(example: Example, layout: Layout) -> Record:
    ideal = one_or_list(references_of(example, layout))
    return {"input": asked(example, layout), "ideal": ideal} | other_fields(example, layout, _OWN)


FORMAT = Exchange(
    title="OpenAI evals, JSONL",
    ending="jsonl",
    reference_field="ideal",
    read=json_reader(_fields),
    record=_record,
    write=write_jsonl,
    needs_input=True,
)
