"""Edits of a dataset's rows that are not saved yet: they outlive pages, filters and refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from prompt_app.datamodel.dataset import Example
from prompt_app.errors import InputError
from prompt_app.ui.components.wording import shortened, written
from prompt_app.workbench.editing import RowEdits

Kind = Literal["text", "truth", "number", "json", "long"]
MOST_CHARACTERS = 10_000
"""A column with a longer text on the page is shown cut, and cannot be edited there."""
_NEW = "+"
_UNREADABLE = "\x00unreadable"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a person typed where JSON is due, and is not JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of rows as cells: what the editor shows, and what its answers refer to."""

    keys: tuple[str, ...]
    """Example id of each row, or the key of a new one."""
    kinds: dict[str, Kind]
    """By column."""
    cells: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class Draft:
    """What was changed since version ``number``."""

    number: int
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    added: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed or self.added)

    def described(self) -> str:
        counts = {"changed": self.changed, "removed": self.removed, "added": self.added}
        return ", ".join(f"{len(each):,} {what}" for what, each in counts.items() if each)

    def as_json(self) -> dict[str, Any]:
        def kept(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
            return {
                key: {
                    name: {_UNREADABLE: value.text} if isinstance(value, Unreadable) else value
                    for name, value in row.items()
                }
                for key, row in rows.items()
            }

        return {
            "number": self.number,
            "changed": kept(self.changed),
            "removed": sorted(self.removed),
            "added": kept(self.added),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Draft:
        """Raises KeyError, TypeError or ValueError for what is no draft."""

        def rows(given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
            return {
                key: {
                    name: Unreadable(value[_UNREADABLE])
                    if isinstance(value, dict) and list(value) == [_UNREADABLE]
                    else value
                    for name, value in row.items()
                }
                for key, row in given.items()
            }

        changed, added = rows(kept["changed"]), rows(kept["added"])
        return cls(int(kept["number"]), changed, set(kept["removed"]), added)

    def sheet(self, columns: Sequence[str], examples: Sequence[Example]) -> Sheet:
        """The page of ``examples`` with the edits so far; new rows come last."""
        rows = {
            example.id: {**example.fields, **self.changed.get(example.id, {})}
            for example in examples
            if example.id not in self.removed
        } | self.added
        kinds = {column: _kind([row.get(column) for row in rows.values()]) for column in columns}
        cells = tuple(
            {column: _cell(row.get(column), kinds[column]) for column in columns}
            for row in rows.values()
        )
        return Sheet(tuple(rows), kinds, cells)

    def with_answer(self, sheet: Sheet, answer: Mapping[str, Any], place: str) -> Draft:
        """This draft, which ``sheet`` was made of, and what the editor says was done since;
        ``place`` tells the new rows of this sheet from those of others."""
        draft = deepcopy(self)
        for row, cells in answer.get("edited_rows", {}).items():
            key = sheet.keys[int(row)]
            target = draft.added if key in draft.added else draft.changed
            values = {
                name: _value(cell, sheet.kinds[name])
                for name, cell in cells.items()
                if name in sheet.kinds
            }
            target[key] = {**target.get(key, {}), **values}
        for row in answer.get("deleted_rows", []):
            key = sheet.keys[int(row)]
            draft.changed.pop(key, None)
            if draft.added.pop(key, None) is None:
                draft.removed.add(key)
        for number, cells in enumerate(answer.get("added_rows", [])):
            draft.added[f"{_NEW}{place}.{number}"] = {
                name: _value(cells.get(name), kind) for name, kind in sheet.kinds.items()
            }
        return draft

    def edits(self) -> RowEdits:
        """Raises InputError for a cell that is not JSON, naming it."""
        for row in (*self.changed.values(), *self.added.values()):
            for name, value in row.items():
                if isinstance(value, Unreadable):
                    raise InputError(
                        f"{name}: {shortened(value.text, 80)!r} is not valid JSON. "
                        "Text in such a column is written in double quotes."
                    )
        return RowEdits(self.changed, frozenset(self.removed), tuple(self.added.values()))


def _kind(values: Sequence[Any]) -> Kind:
    if any(_length(value) > MOST_CHARACTERS for value in values):
        return "long"
    if all(value is None or isinstance(value, str) for value in values):
        return "text"
    if all(isinstance(value, bool) for value in values):
        return "truth"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "number"
    return "json"


def _cell(value: Any, kind: Kind) -> Any:
    if isinstance(value, Unreadable):
        return value.text
    if kind == "long":
        return None if value is None else shortened(written(value), MOST_CHARACTERS)
    if kind != "json":
        return value
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _length(value: Any) -> int:
    """Characters of a text, and of a list or object as JSON."""
    return len(written(value)) if isinstance(value, str | list | dict) else 0


def _value(cell: Any, kind: Kind) -> Any:
    if kind != "json" or cell is None or not str(cell).strip():
        return cell if kind != "json" else None
    try:
        return json.loads(str(cell))
    except (ValueError, RecursionError):
        return Unreadable(str(cell))
