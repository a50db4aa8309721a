"""Rows for every table there is, so that a table which is added later is covered by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Table,
    insert,
    select,
)
from sqlalchemy.types import JSON, TypeDecorator

from prompt_app.storage.tables import PlainText, metadata

ROWS = 3
BEGINNING = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

Rows = dict[str, list[dict[str, Any]]]


def fill_every_table(connection: Connection) -> Rows:
    """Unequal rows that point to each other where there are foreign keys."""
    made: Rows = {}
    for table in metadata.sorted_tables:
        made[table.name] = [
            {column.name: _value(column, number, made) for column in table.columns}
            for number in range(ROWS)
        ]
        connection.execute(insert(table), made[table.name])
    return made


def all_rows(connection: Connection) -> Rows:
    """By table, in the order of their keys."""
    return {table.name: _rows_of(connection, table) for table in metadata.sorted_tables}


def _rows_of(connection: Connection, table: Table) -> list[dict[str, Any]]:
    found = connection.execute(select(table).order_by(*table.primary_key.columns))
    return [dict(row._mapping) for row in found]


def _value(column: Column[Any], number: int, made: Rows) -> Any:
    for key in column.foreign_keys:
        return made[key.column.table.name][number][key.column.name]
    if column.nullable and number == 0:
        return None
    kind = column.type
    if isinstance(kind, PlainText):
        return f"{column.name} {number}: 'quoted' \x00 ü € \ud800 \n"
    plain = kind.impl if isinstance(kind, TypeDecorator) else kind
    values = {
        Boolean: bool(number % 2),
        Integer: number + 40,
        Float: number + 0.1,
        DateTime: BEGINNING + timedelta(days=number),
        LargeBinary: bytes([number, 0, 255]),
        JSON: {"n": number},
    }
    found = (value for type_, value in values.items() if isinstance(plain, type_))
    return next(found, f"{column.name}-{number}")
