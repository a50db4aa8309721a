"""Datasets, their versions, and the examples in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from prompt_app.datamodel.base import Record, content_hash
from prompt_app.datamodel.names import Name

REFERENCE_SEPARATOR = "<OR>"
_INDEX = re.compile("[0-9]{1,9}")

DatasetFormat = Literal[
    "jsonl", "json", "csv", "tsv", "xlsx", "parquet",
    "promptfoo", "promptfoo-csv", "openai-evals", "hosted-evals", "bedrock", "fmeval", "inspect",
    "langfuse",
]  # fmt: skip


class Example(Record):
    """One row. ``id`` is the value of the dataset's id field, or else the hash of its fields
    (with ``~2``, ``~3`` ... behind it for further rows of the same content)."""

    id: str
    position: int
    """0-based place in the dataset version."""
    fields: dict[str, Any]
    """JSON values by column name."""
    split: str | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of the fields alone: equal rows share it, whatever their ids."""
        return content_hash(self.fields)


class RowProblem(Record):
    """A row that could not be read, and why."""

    line: int
    """1-based line of the file (JSONL, CSV, TSV), or 1-based row (JSON, XLSX, Parquet)."""
    reason: str


class DatasetOptions(Record):
    """How a file is read into a dataset."""

    reference_field: str = "answers"
    """Path of the reference answers: a list, or a string with ``<OR>`` between alternatives."""
    id_field: str | None = None
    """Path of a unique identifier; without it, ids are content hashes."""
    cluster_field: str | None = None
    """Path of what groups dependent rows (a source document, a user)."""
    split_field: str | None = None
    """Path whose value names each row's split."""
    splits: dict[Name, float] = {}
    """Or: split name -> fraction; rows are dealt by a hash of ``seed`` and the row's id, in order
    of the names. Rows of equal content fall into one split."""
    seed: int = 0
    format: DatasetFormat | None = None
    """Told by the file's ending when absent."""
    sheet: str | None = None
    """XLSX sheet; the first when absent."""


class DatasetVersion(Record):
    """An immutable state of a dataset. ``id`` hashes its rows and options."""

    id: str
    name: Name
    number: int
    """1, 2, 3 ... within the dataset."""
    options: DatasetOptions
    columns: tuple[str, ...]
    rows: int
    skipped_rows: int = 0
    """Malformed rows that the user chose to leave out."""
    split_rows: dict[str, int] = {}
    source: str = ""
    """File name or address it was read from."""
    note: str = ""
    created_at: datetime | None = None


def field_value(fields: Mapping[str, Any], path: str) -> Any:
    """The value at ``path``: a column of that very name, or a dotted path into nested objects
    and lists (``prompt.text``, ``turns.0.content``).

    Raises KeyError(path) where there is none.
    """
    if path in fields:
        return fields[path]
    value: Any = fields
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and _INDEX.fullmatch(part) and int(part) < len(value):
            value = value[int(part)]
        else:
            raise KeyError(path)
    return value


def field_paths(fields: Mapping[str, Any], deepest: int = 4) -> list[str]:
    """Every path that :func:`field_value` resolves in ``fields``, lists left out."""
    paths: list[str] = []
    for name, value in fields.items():
        paths.append(name)
        if isinstance(value, Mapping) and deepest > 1:
            paths.extend(f"{name}.{inner}" for inner in field_paths(value, deepest - 1))
    return paths


def reference_values(value: Any) -> tuple[str, ...]:
    """The reference answers in a field: each item of a list, or the parts of a string between
    ``<OR>``; numbers and booleans as text; null and blank items are dropped."""
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(text for item in value for text in reference_values(item))
    if isinstance(value, str):
        parts = (part.strip() for part in value.split(REFERENCE_SEPARATOR))
        return tuple(part for part in parts if part)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),)


def sampling_key(seed: int, example_id: str) -> str:
    """A 16-digit hex number, uniform over examples: order or threshold by it to sample."""
    return hashlib.sha256(f"{seed}:{example_id}".encode()).hexdigest()[:16]
