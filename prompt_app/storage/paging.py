"""Pages of long lists that an index holds in their order.

A page deep in the list is not counted off row by row in the table: its first row's key is found in
the index alone, from the nearer end, and the page is read from that key on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, func, select, tuple_

from prompt_app.storage.tables import samples

NEAR = 500
"""Rows before a page that are simply passed over."""

Key = tuple[Any, ...]


@dataclass
class Stretch:
    """A part of a run's rows in the order of one index: samples, or scores in their place."""

    table: Table
    conditions: Sequence[ColumnElement[bool]]
    order: Sequence[Column[Any]]
    """Unique within the stretch, no NULL in it."""
    descending: bool = False
    known_total: int | None = None
    """Where the number of rows need not be counted."""
    _counted: int | None = field(default=None, init=False)

    @property
    def number(self) -> Column[int]:
        """The sample's."""
        return self.table.c.number if self.table is samples else self.table.c.sample

    def total(self, connection: Connection) -> int:
        if self.known_total is not None:
            return self.known_total
        if self._counted is None:
            query = select(func.count()).select_from(self.table).where(*self.conditions)
            self._counted = int(connection.scalar(query) or 0)
        return self._counted

    def numbers(self, connection: Connection, offset: int, limit: int) -> list[int]:
        """Of the samples from ``offset`` on."""
        query = select(self.number).where(*self.conditions).order_by(*self.ordering()).limit(limit)
        if offset <= NEAR:
            return list(connection.scalars(query.offset(offset)))
        first = self._key_at(connection, offset)
        if first is None:
            return []
        return list(connection.scalars(query.where(self.from_key(first))))

    def ordering(self, *, backwards: bool = False) -> list[ColumnElement[Any]]:
        if self.descending != backwards:
            return [column.desc() for column in self.order]
        return [column.asc() for column in self.order]

    def from_key(self, key: Key, *, after: bool = False) -> ColumnElement[bool]:
        """The rows from that of ``key`` on, or those behind it."""
        columns, values = tuple_(*self.order), tuple_(*key)
        if self.descending:
            return columns < values if after else columns <= values
        return columns > values if after else columns >= values

    def until_key(self, key: Key) -> ColumnElement[bool]:
        columns, values = tuple_(*self.order), tuple_(*key)
        return columns >= values if self.descending else columns <= values

    def key_ahead(self, connection: Connection, after: Key | None, rows: int) -> Key | None:
        """The key of the last of the next ``rows`` rows behind ``after``; None where there are
        fewer."""
        query = select(*self.order).where(*self.conditions)
        if after is not None:
            query = query.where(self.from_key(after, after=True))
        found = connection.execute(query.order_by(*self.ordering()).offset(rows - 1).limit(1))
        row = found.first()
        return None if row is None else tuple(row)

    def _key_at(self, connection: Connection, offset: int) -> Key | None:
        total = self.total(connection)
        if offset >= total:
            return None
        backwards = offset > total // 2
        passed = total - 1 - offset if backwards else offset
        query = select(*self.order).where(*self.conditions)
        query = query.order_by(*self.ordering(backwards=backwards)).offset(passed).limit(1)
        row = connection.execute(query).first()
        return None if row is None else tuple(row)


def page_of(
    connection: Connection,
    stretches: Iterable[Stretch],
    offset: int,
    limit: int,
    known_total: int | None = None,
) -> tuple[list[int], int]:
    """The numbers of the samples on a page of the stretches one after another, and how many rows
    these have in all. With ``known_total`` nothing is counted that the page does not need."""
    numbers: list[int] = []
    total = 0
    for stretch in stretches:
        if known_total is not None and not total and offset <= NEAR:
            numbers = stretch.numbers(connection, offset, limit)
            if len(numbers) == limit:
                return numbers, known_total
            numbers = []
        length = stretch.total(connection)
        start = max(0, offset - total)
        if start < length and len(numbers) < limit:
            numbers += stretch.numbers(connection, start, limit - len(numbers))
        total += length
        if known_total is not None and len(numbers) == limit:
            return numbers, known_total
    return numbers, total
