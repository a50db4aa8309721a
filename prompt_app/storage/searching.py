"""Rows of a run with a text in them: from an index of trigrams where it finds few, else by reading
the rows in their order until a page is full or the time is over."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, bindparam, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from prompt_app.datamodel.model import Reply
from prompt_app.storage.database import Database, in_chunks
from prompt_app.storage.encoding import load_record
from prompt_app.storage.paging import Stretch
from prompt_app.storage.row_orders import Scope
from prompt_app.storage.tables import examples, replies, samples, scores, version_rows

MOST_FOUND = 2000
"""Texts of one kind that an index may find; a search for more reads the rows."""
INDEX_MILLISECONDS = 100
"""After which PostgreSQL gives up to look for them."""
SLICE = 2000
"""Rows that are read between two looks at the clock."""
TRIGRAM = 3
UNSEARCHED = ""
"""In the place of the text of a reply that no run has taken: only rows of runs are searched, and
an index of all that the gateway answers would cost more than the rest of what is stored of it."""
_CANCELLED = "57014"
_ROW = version_rows


_UNSEARCHED = select(replies.c.number, replies.c.reply).where(
    replies.c.number.in_(bindparam("numbers", expanding=True)), replies.c.folded == UNSEARCHED
)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of samples."""

    numbers: list[int]
    total: int
    searched: int | None = None
    """Rows that were read, where a search ended before it had read all."""


def make_searchable(connection: Connection, numbers: Sequence[int | None]) -> None:
    """The texts of replies that the gateway got and a run takes now."""
    for some in in_chunks(list(dict.fromkeys(numbers))):
        for number, reply in connection.execute(_UNSEARCHED, {"numbers": some}).all():
            folded = load_record(Reply, reply).text.casefold()
            of_reply = replies.c.number == number
            connection.execute(update(replies).where(of_reply).values(folded=folded))


def has_text_index(database: Database) -> bool:
    """Whether the migration could make it."""
    with database.read() as connection:
        if database.is_sqlite:
            query = "SELECT count(*) FROM sqlite_master WHERE name = 'replies_text'"
        else:
            query = "SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_replies_text'"
        return bool(connection.scalar(text(query)))


def rows_with(
    database: Database, connection: Connection, scope: Scope, wanted: str
) -> list[int] | None:
    """The numbers of all samples of the run with the text, by the index; None where that finds
    too many, or takes too long."""
    folded = wanted.casefold()
    if len(folded) < TRIGRAM:
        return None
    found = [_texts_with(database, connection, table, folded) for table in (replies, examples)]
    with_reply, with_example = found
    if with_reply is None or with_example is None:
        return None
    numbers: set[int] = set()
    run = samples.c.run == scope.number
    for some in in_chunks(with_reply):
        query = select(samples.c.number).where(run, samples.c.reply.in_(some))
        numbers.update(connection.scalars(query))
    for some in in_chunks(with_example):
        query = select(samples.c.number).join(_ROW, _ROW.c.position == samples.c.position)
        of_rows = _ROW.c.version == scope.version, _ROW.c.example.in_(some)
        numbers.update(connection.scalars(query.where(run, *of_rows)))
    if scope.failed:
        message = samples.c.error_message.icontains(wanted, autoescape=True)
        query = select(samples.c.number).where(run, samples.c.reply.is_(None), message)
        failed = connection.scalars(query.limit(MOST_FOUND + 1)).all()
        if len(failed) > MOST_FOUND:
            return None
        numbers.update(failed)
    return list(numbers)


def _texts_with(
    database: Database, connection: Connection, table: Table, folded: str
) -> Sequence[int] | None:
    """Numbers of replies or examples; None for more than an index is good for."""
    query = select(table.c.number).where(table.c.folded.contains(folded, autoescape=True))
    if database.is_sqlite:
        trigrams = {folded[start : start + TRIGRAM] for start in range(len(folded) - TRIGRAM + 1)}
        trigrams = {each for each in trigrams if "\0" not in each}  # where SQLite ends a term
        if not trigrams:
            return None
        terms = " AND ".join('"' + each.replace('"', '""') + '"' for each in sorted(trigrams))
        index = f"SELECT rowid FROM {table.name}_text WHERE {table.name}_text MATCH :terms"
        candidates = text(index).bindparams(bindparam("terms", terms))
        with_all = candidates.columns(Column("rowid")).subquery()
        query = query.join(with_all, with_all.c.rowid == table.c.number)
    query = query.limit(MOST_FOUND + 1)
    if database.is_sqlite:
        found = connection.scalars(query).all()
    else:
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL statement_timeout = {INDEX_MILLISECONDS}"))
                found = connection.scalars(query).all()
                connection.execute(text("SET LOCAL statement_timeout = 0"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _CANCELLED:
                return None
            raise
    return found if len(found) <= MOST_FOUND else None


def search_in_order(
    connection: Connection,
    scope: Scope,
    stretches: Iterable[Stretch],
    wanted: str,
    page: tuple[int, int, float],
) -> Found:
    """``page``: offset, limit and seconds. Ends when the page is full and one more row is found,
    or when the time is over."""
    offset, limit, seconds = page
    deadline = time.monotonic() + seconds
    numbers: list[int] = []
    read = 0
    for stretch in stretches:
        for length, found in _slices(connection, scope, stretch, wanted):
            read += length
            numbers += found
            if len(numbers) > offset + limit or time.monotonic() > deadline:
                cut = numbers[offset : offset + limit]
                return Found(cut, len(numbers), None if read >= scope.total else read)
    return Found(numbers[offset : offset + limit], len(numbers), None)


def _slices(
    connection: Connection, scope: Scope, stretch: Stretch, wanted: str
) -> Iterator[tuple[int, list[int]]]:
    """How many rows were read, and the numbers of those with the text, slice by slice."""
    query = _matching(scope, stretch, wanted)
    after: Any = None
    total = stretch.total(connection)
    for start in range(0, total, SLICE):
        until = stretch.key_ahead(connection, after, SLICE)
        of_slice = query
        if after is not None:
            of_slice = of_slice.where(stretch.from_key(after, after=True))
        if until is not None:
            of_slice = of_slice.where(stretch.until_key(until))
        yield min(SLICE, total - start), list(connection.scalars(of_slice))
        if until is None:
            return
        after = until


def _matching(scope: Scope, stretch: Stretch, wanted: str) -> Any:
    folded = wanted.casefold()
    query = select(stretch.number).where(*stretch.conditions).order_by(*stretch.ordering())
    if stretch.table is scores:
        query = query.join(samples, samples.c.number == scores.c.sample)
    return (
        query.outerjoin(replies, replies.c.number == samples.c.reply)
        .outerjoin(
            version_rows,
            and_(
                version_rows.c.version == scope.version,
                version_rows.c.position == samples.c.position,
            ),
        )
        .outerjoin(examples, examples.c.number == version_rows.c.example)
        .where(
            or_(
                replies.c.folded.contains(folded, autoescape=True),
                examples.c.folded.contains(folded, autoescape=True),
                samples.c.error_message.icontains(wanted, autoescape=True),
            )
        )
    )
