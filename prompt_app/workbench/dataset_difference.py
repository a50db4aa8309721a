"""What changed between two versions of a dataset, row by row."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from prompt_app.datamodel.dataset import Example

Keys = Sequence[tuple[str, int]]
"""(example id, number of its content) in order of position."""


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """Positions (0-based) of rows, in order."""

    added: tuple[int, ...]
    """In the later version."""
    removed: tuple[int, ...]
    """In the earlier one."""
    changed: tuple[tuple[int, int], ...]
    """(in the earlier, in the later)."""
    same: int


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field as two rows have it; None where a row lacks it. What is no text is JSON."""

    name: str
    before: str | None
    after: str | None


def compare_keys(before: Keys, after: Keys, *, by_place: bool) -> VersionDifference:
    """Rows are matched by id. With ``by_place``, which is for ids that are hashes of the content,
    a row that went and one that came at its place, between the same neighbours, are one that
    changed."""
    old = {key: (place, content) for place, (key, content) in enumerate(before)}
    new = {key: (place, content) for place, (key, content) in enumerate(after)}
    removed = [place for key, (place, _) in old.items() if key not in new]
    added = [place for key, (place, _) in new.items() if key not in old]
    changed = [
        (place, new[key][0])
        for key, (place, content) in old.items()
        if key in new and new[key][1] != content
    ]
    same = len(old) - len(removed) - len(changed)
    if by_place:
        pairs = _replaced(before, after, removed, added)
        changed = sorted([*changed, *pairs], key=lambda pair: pair[1])
        gone, came = {a for a, _ in pairs}, {b for _, b in pairs}
        removed = [place for place in removed if place not in gone]
        added = [place for place in added if place not in came]
    return VersionDifference(tuple(added), tuple(removed), tuple(changed), same)


def field_changes(before: Example, after: Example) -> list[FieldChange]:
    """The fields that differ, in the later row's order and then the earlier's."""
    names = dict.fromkeys([*after.fields, *before.fields])
    return [
        FieldChange(name, _text(before, name), _text(after, name))
        for name in names
        if name not in before.fields
        or name not in after.fields
        or before.fields[name] != after.fields[name]
    ]


def _replaced(
    before: Keys, after: Keys, removed: Sequence[int], added: Sequence[int]
) -> list[tuple[int, int]]:
    """Pairs off what went and what came behind the same row that stayed."""
    gone, came = set(removed), set(added)
    olds, news = _by_neighbour(before, gone), _by_neighbour(after, came)
    return [
        pair
        for neighbour, places in olds.items()
        for pair in zip(places, news.get(neighbour, ()), strict=False)
    ]


def _by_neighbour(keys: Keys, wanted: set[int]) -> dict[str | None, list[int]]:
    found: dict[str | None, list[int]] = defaultdict(list)
    neighbour = None
    for place, (key, _) in enumerate(keys):
        if place in wanted:
            found[neighbour].append(place)
        else:
            neighbour = key
    return found


def _text(example: Example, name: str) -> str | None:
    if name not in example.fields:
        return None
    value = example.fields[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
