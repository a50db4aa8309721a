"""What the formats of other tools share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from prompt_app.datamodel.dataset import (
    DatasetOptions,
    Example,
    RowProblem,
    field_value,
    reference_values,
)
from prompt_app.datasets.json_rows import read_json, read_jsonl
from prompt_app.datasets.values import RawRows, RowRefused

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which fields of a dataset mean what to another tool."""

    reference_field: str
    input_field: str | None = None
    """The field that the model is asked; None where there is no one field."""
    id_field: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One tool's file format."""

    title: str
    ending: str
    """Of the files that are written."""
    reference_field: str | None
    """Where the reference answers stand after reading; None where each file has its own name."""
    read: Callable[[Path, DatasetOptions], RawRows]
    record: Callable[[Example, Layout], Record]
    """A row as the tool has it. Raises RowRefused."""
    write: Callable[[Callable[[], Iterator[Record]], TextIO], None]
    """All records, which may be asked for more than once."""
    needs_input: bool = False
    """A row is one text or chat, which a field must hold."""
    carried: frozenset[str] | None = None
    """The only other fields that have a place; None where all have one."""
    most_rows: int | None = None


def json_file_rows(path: Path, options: DatasetOptions) -> RawRows:
    """An array where the file ends in ``.json``, else an object a line."""
    reader = read_json if path.suffix.lower() == ".json" else read_jsonl
    return reader(path, options)


def mapped(rows: RawRows, change: Callable[[Record], Record]) -> RawRows:
    """Each row through ``change``, whose RowRefused becomes the row's problem."""
    for row in rows:
        if isinstance(row, RowProblem):
            yield row
            continue
        line, fields = row
        try:
            yield line, change(fields)
        except RowRefused as refused:
            yield RowProblem(line=line, reason=str(refused))


def json_reader(change: Callable[[Record], Record]) -> Callable[[Path, DatasetOptions], RawRows]:
    def read(path: Path, options: DatasetOptions) -> RawRows:
        return mapped(json_file_rows(path, options), change)

    return read


def write_jsonl(records: Callable[[], Iterator[Record]], file: TextIO) -> None:
    for record in records():
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def required(fields: Mapping[str, Any], name: str) -> Any:
    """Raises RowRefused."""
    if name not in fields:
        raise RowRefused(f"no {name!r}")
    return fields[name]


def references_of(example: Example, layout: Layout) -> tuple[str, ...]:
    """The reference answers; none where the field is missing."""
    try:
        return reference_values(field_value(example.fields, layout.reference_field))
    except KeyError:
        return ()


def one_or_list(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def asked(example: Example, layout: Layout) -> str | list[Any]:
    """What the model is asked: a text or a chat. Raises RowRefused."""
    path = layout.input_field or ""
    try:
        value = field_value(example.fields, path)
    except KeyError:
        raise RowRefused(f"no field {path!r}") from None
    if isinstance(value, str) and value.strip():
        return value
    is_chat = isinstance(value, list) and all(
        isinstance(each, dict) and "role" in each and "content" in each for each in value
    )
    if is_chat and value:
        return list(value)
    raise RowRefused(f"{path!r} is neither text nor a list of messages with role and content")


def asked_text(example: Example, layout: Layout) -> str:
    """Raises RowRefused where it is a chat."""
    value = asked(example, layout)
    if not isinstance(value, str):
        raise RowRefused(f"{layout.input_field!r} is a chat, and the format takes only text")
    return value


def other_fields(example: Example, layout: Layout, taken: frozenset[str]) -> Record:
    """The fields that are neither asked nor reference. Raises RowRefused where one of them has a
    name that the format gives to something else."""
    own = {layout.reference_field, layout.input_field}
    others = {name: value for name, value in example.fields.items() if name not in own}
    clash = next((name for name in others if name in taken), None)
    if clash is not None:
        raise RowRefused(f"the field {clash!r} has a name that means something else there")
    return others
