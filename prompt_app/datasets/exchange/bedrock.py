"""Prompt datasets of Amazon Bedrock evaluation jobs: JSONL of ``prompt``, ``referenceResponse``,
``category`` and, where the responses are brought along, ``modelResponses``."""

from __future__ import annotations

from typing import Any

from prompt_app.datamodel.dataset import Example
from prompt_app.datasets.exchange.shapes import (
    Exchange,
    Layout,
    Record,
    asked_text,
    json_reader,
    references_of,
    required,
    write_jsonl,
)
from prompt_app.datasets.values import RowRefused

_CARRIED = frozenset({"category", "modelResponses"})


def _fields(row: Record) -> Record:
    required(row, "prompt")
    own = {name: _text(row.get(name)) for name in ("prompt", "referenceResponse")}
    return {**row, **own}


def _text(value: Any) -> Any:
    """Some jobs' files wrap a text: ``{"text": ...}``."""
    return value["text"] if isinstance(value, dict) and value.keys() == {"text"} else value


def _record(example: Example, layout: Layout) -> Record:
    record: Record = {"prompt": asked_text(example, layout)}
    reference = example.fields.get(layout.reference_field)
    references = references_of(example, layout)
    if isinstance(reference, str) and references:
        record["referenceResponse"] = reference  # whole, where it holds alternatives
    elif len(references) > 1:
        raise RowRefused(f"{len(references)} reference answers, and the format takes one text")
    elif references:
        record["referenceResponse"] = references[0]
    category, responses = (example.fields.get(name) for name in ("category", "modelResponses"))
    if category is not None:
        if not isinstance(category, str):
            raise RowRefused("the 'category' is not text")
        record["category"] = category
    if responses is not None:
        if not isinstance(responses, list):
            raise RowRefused("'modelResponses' is not a list")
        record["modelResponses"] = responses
    return record


FORMAT = Exchange(
    title="Amazon Bedrock evaluation job, prompt dataset",
    ending="jsonl",
    reference_field="referenceResponse",
    read=json_reader(_fields),
    record=_record,
    write=write_jsonl,
    needs_input=True,
    carried=_CARRIED,
    most_rows=1_000,
)
