"""promptfoo's tests in CSV: a column for each variable, and ``__expected`` for the assertions."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.datasets.delimited import read_csv
from prompt_app.datasets.exchange.promptfoo import (
    EXPECTED,
    Assertion,
    expected_fields,
    kept_assertions,
    references,
    variables,
)
from prompt_app.datasets.exchange.shapes import Exchange, Layout, Record, mapped
from prompt_app.datasets.values import RawRows, RowRefused

_TYPED = re.compile(r"((?:not-)?[a-z][a-z0-9-]*)(?:\((\d+(?:\.\d+)?)\))?:(.*)", re.DOTALL)
_SHORT = {"fn": "javascript", "eval": "javascript", "grade": "llm-rubric"}
_TYPES = frozenset(
    {
        "equals", "contains", "icontains", "contains-all", "contains-any", "icontains-all",
        "icontains-any", "contains-json", "is-json", "contains-xml", "is-xml", "contains-sql",
        "is-sql", "contains-html", "is-html", "starts-with", "regex", "similar", "levenshtein",
        "rouge-n", "bleu", "gleu", "meteor", "latency", "cost", "perplexity", "perplexity-score",
        "classifier", "moderation", "is-refusal", "javascript", "python", "ruby", "webhook",
        "llm-rubric", "g-eval", "factuality", "model-graded-closedqa", "answer-relevance",
        "context-faithfulness", "context-recall", "context-relevance", "select-best", "pi",
    }
)  # fmt: skip
_LISTED = ("contains-all", "contains-any", "icontains-all", "icontains-any")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def assertion_of(text: str) -> Assertion:
    """What a cell of ``__expected`` means: ``type:value``, ``type(threshold):value``, or the text
    that the output must equal."""
    match = _TYPED.fullmatch(text)
    name = _SHORT.get(match[1], match[1]) if match else ""
    if match is None or name.removeprefix("not-") not in _TYPES:
        return {"type": "equals", "value": text}
    value: Any = match[3]
    if name.removeprefix("not-") in _LISTED:
        value = [part.strip() for part in value.split(",")]
    elif name in ("javascript", "python"):
        value = value.strip()
    found: Assertion = {"type": name, "value": value}
    return found | ({"threshold": float(match[2])} if match[2] else {})


def _fields(row: Record) -> Record:
    cells = [row[name] for name in row if name.startswith(EXPECTED)]
    assertions = [assertion_of(cell) for cell in cells if cell.strip()]
    others = {name: value for name, value in row.items() if not name.startswith(EXPECTED)}
    return others | expected_fields(assertions)


def _read(path: Path, options: DatasetOptions) -> RawRows:
    return mapped(read_csv(path, options), _fields)


def _record(example: Example, layout: Layout) -> Record:
    """The cells, the assertions as a list in ``__expected``."""
    record = {name: _cell(name, value) for name, value in variables(example, layout).items()}
    for name, value in example.fields.items():
        if name.startswith("__") and name not in (layout.reference_field, EXPECTED, "__assert"):
            record[name] = _cell(name, value)
    assertions = kept_assertions(example)
    if assertions is not None:
        return record | {EXPECTED: [_expected_cell(each) for each in assertions]}
    found = references(example, layout)
    if len(found) > 1:
        one_of = f"javascript:{json.dumps(list(found), ensure_ascii=False)}.includes(output)"
        return record | {EXPECTED: [one_of]}
    return record | {EXPECTED: [_equals_cell(text) for text in found]}


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        raise RowRefused(f"{name!r} is a list or object, and a cell is text")
    return _harmless(name, value if isinstance(value, str) else json.dumps(value))


def _harmless(name: str, text: str) -> str:
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        raise RowRefused(f"{name!r} starts with {text[0]!r}: a spreadsheet would run it")
    return text


def _equals_cell(text: str) -> str:
    is_plain = assertion_of(text) == {"type": "equals", "value": text} and bool(text.strip())
    if is_plain and not text.startswith("file://"):
        return _harmless(EXPECTED, text)
    return f"equals:{text}"


def _expected_cell(assertion: Assertion) -> str:
    kind, value, threshold = (assertion.get(name) for name in ("type", "value", "threshold"))
    if kind == "equals" and isinstance(value, str) and threshold is None:
        cell = _equals_cell(value)
    else:
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value or "")
        mark = "" if threshold is None else f"({threshold:g})"
        cell = f"{kind}{mark}:{text}"
    if assertion_of(cell) != assertion:
        raise RowRefused(f"an assertion of type {kind!r} that a cell cannot express")
    return cell


def _write(records: Callable[[], Iterator[Record]], file: TextIO) -> None:
    columns: dict[str, None] = {}
    most = 0
    for record in records():
        columns.update(dict.fromkeys(name for name in record if name != EXPECTED))
        most = max(most, len(record[EXPECTED]))
    expected = [EXPECTED] if most < 2 else [f"{EXPECTED}{n}" for n in range(1, most + 1)]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*columns, *expected])
    for record in records():
        cells = record[EXPECTED]
        padded = [*cells, *[""] * (len(expected) - len(cells))]
        writer.writerow([*(record.get(name, "") for name in columns), *padded])


FORMAT = Exchange(
    title="promptfoo tests, CSV",
    ending="csv",
    reference_field=EXPECTED,
    read=_read,
    record=_record,
    write=_write,
)
