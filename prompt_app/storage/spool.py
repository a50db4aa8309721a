"""Rows of a dataset on their way into the store: read once, hashed, and put by in a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO

from prompt_app.datamodel.base import canonical_json
from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.errors import DatasetError
from prompt_app.storage.encoding import dump_fields


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a version before its rows are read."""

    name: str
    options: DatasetOptions
    source: str
    skipped_rows: int
    note: str


@dataclass(slots=True)
class Content:
    """What is known of the rows after they were read."""

    id: str = ""
    rows: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    split_rows: dict[str, int] = field(default_factory=dict)


def spool_rows(
    name: str, options: DatasetOptions, rows: Iterable[Example], spool: IO[str]
) -> Content:
    """Write the rows to ``spool``, a JSON list a line: id, split, fingerprint, fields."""
    content = Content()
    digest = hashlib.sha256(canonical_json([name, options.content_id]).encode())
    for example in rows:
        content.rows += 1
        try:
            fields = dump_fields(example.fields)
            fingerprint = example.fingerprint
            digest.update(canonical_json([example.id, example.split, fingerprint]).encode())
        except (ValueError, TypeError) as error:
            raise DatasetError(f"Row {content.rows} cannot be stored: {error}.") from error
        if "\0" in example.id or "\0" in (example.split or ""):
            raise DatasetError(f"The id or split of row {content.rows} holds a NUL character.")
        content.columns.update(dict.fromkeys(example.fields))
        if example.split is not None:
            content.split_rows[example.split] = content.split_rows.get(example.split, 0) + 1
        spool.write(json.dumps([example.id, example.split, fingerprint, fields]) + "\n")
    content.id = digest.hexdigest()[:24]
    return content
