"""What stands in a dataset's fields: types, how often they are filled, how long and how varied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prompt_app.datamodel.base import canonical_json
from prompt_app.datamodel.dataset import Example

MOST_PATHS = 300
MOST_DISTINCT = 1_000
_KINDS = {bool: "truth value", int: "number", float: "number", str: "text", list: "list"}


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """One column, or one dotted path into nested objects."""

    path: str
    kinds: dict[str, int]
    """Rows by the kind of value: text, number, truth value, list, object, null."""
    rows: int
    """Of the whole version."""
    filled: int
    """Rows with a value that is neither null nor blank nor an empty list or object."""
    shortest: int | None
    """Length in characters of texts, in items of lists; None where there are none."""
    mean_length: float | None
    longest: int | None
    distinct: int
    """Different values, counted up to 1,000."""
    sample: Any
    """The first filled value."""

    @property
    def fill_rate(self) -> float:
        return self.filled / self.rows if self.rows else 0.0


def profile_fields(examples: Iterable[Example]) -> tuple[FieldProfile, ...]:
    """In order of first appearance; of the paths the first 300. Reads each example once."""
    tallies: dict[str, _Tally] = {}
    rows = 0
    for example in examples:
        rows += 1
        for path, value in _values(example.fields):
            tally = tallies.get(path)
            if tally is None:
                if len(tallies) == MOST_PATHS:
                    continue
                tally = tallies[path] = _Tally()
            tally.note(value)
    return tuple(tally.profile(path, rows) for path, tally in tallies.items())


@dataclass(slots=True)
class _Tally:
    kinds: Counter[str] = field(default_factory=Counter)
    filled: int = 0
    sample: Any = None
    lengths: int = 0
    total_length: int = 0
    shortest: int | None = None
    longest: int | None = None
    distinct: set[int] = field(default_factory=set)

    def note(self, value: Any) -> None:
        self.kinds[_kind(value)] += 1
        if isinstance(value, str | list):
            length = len(value)
            self.lengths += 1
            self.total_length += length
            self.shortest = length if self.shortest is None else min(self.shortest, length)
            self.longest = length if self.longest is None else max(self.longest, length)
        if len(self.distinct) < MOST_DISTINCT:
            self.distinct.add(hash(value if isinstance(value, str) else canonical_json(value)))
        if _is_filled(value):
            self.filled += 1
            if self.sample is None:
                self.sample = value

    def profile(self, path: str, rows: int) -> FieldProfile:
        return FieldProfile(
            path=path,
            kinds=dict(self.kinds),
            rows=rows,
            filled=self.filled,
            shortest=self.shortest,
            mean_length=self.total_length / self.lengths if self.lengths else None,
            longest=self.longest,
            distinct=len(self.distinct),
            sample=self.sample,
        )


def _values(fields: Mapping[str, Any], prefix: str = "", deepest: int = 4) -> Iterator[Any]:
    for name, value in fields.items():
        yield prefix + name, value
        if isinstance(value, Mapping) and deepest > 1:
            yield from _values(value, f"{prefix}{name}.", deepest - 1)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return _KINDS.get(type(value), "object")


def _is_filled(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value not in ([], {})
