"""Reading the samples of a run: by key, by filter, and all in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select, tuple_

from prompt_app.datamodel.evaluation import SampleKey, SampleState
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces import Page, RowFilter, StoredSample
from prompt_app.storage.database import in_chunks
from prompt_app.storage.filters import filtered, page_of_filtered, with_text
from prompt_app.storage.paging import page_of
from prompt_app.storage.part import StorePart
from prompt_app.storage.row_orders import (
    Scope,
    check_filter,
    is_all_of_a_state,
    scope_of,
    stretches_of,
)
from prompt_app.storage.runs import lacks_outcome, run_number
from prompt_app.storage.sample_rows import load_samples
from prompt_app.storage.searching import Found, has_text_index, rows_with, search_in_order
from prompt_app.storage.tables import samples, scores

_PAGE = 500
_NARROW_PAGE = 5000


class Samples(StorePart):
    """The part of the store that reads samples."""

    def sample_states(
        self, run_id: str, example_ids: Sequence[str]
    ) -> Mapping[SampleKey, SampleState]:
        """Of those samples that are stored already."""
        states: dict[SampleKey, SampleState] = {}
        with self._database.read() as connection:
            run = run_number(connection, run_id)
            for some in in_chunks(example_ids):
                query = select(samples.c.example_id, samples.c.repeat, samples.c.state).where(
                    samples.c.run == run, samples.c.example_id.in_(some)
                )
                for example_id, repeat, state in connection.execute(query):
                    states[SampleKey(example_id=example_id, repeat=repeat)] = state
        return states

    def first_open_position(
        self, run_id: str, repeats: int, *, after_position: int = -1
    ) -> int | None:
        """The next row of the dataset version that has fewer than ``repeats`` samples; None
        where there is no more."""
        with self._database.read() as connection:
            scope = scope_of(connection, run_id)
            if scope.total == repeats * scope.version_rows:
                return None

            def is_full(until: int) -> bool:
                """Whether no row is open from behind ``full`` to there."""
                stored = (
                    select(func.count())
                    .select_from(samples)
                    .where(
                        samples.c.run == scope.number,
                        samples.c.position > full,
                        samples.c.position <= until,
                        samples.c.repeat < repeats,
                    )
                )
                return connection.scalar(stored) == repeats * (until - full)

            # A version's positions have no gap, so that counting tells what is missing.
            full, last, step = after_position, scope.version_rows - 1, 1
            while full < last and is_full(min(full + step, last)):
                full, step = min(full + step, last), step * 2
            while full < last and step > 1:
                step //= 2
                if full + step <= last and is_full(full + step):
                    full += step
            return full + 1 if full < last else None

    def unscored_samples(
        self, run_id: str, metrics: Sequence[str], *, after_position: int = -1, limit: int = 500
    ) -> list[StoredSample]:
        """Answered samples that lack an outcome for one of ``metrics`` (keys), by position.

        The repeats of one position come together, so that there may be a few more than
        ``limit``.
        """
        if not metrics:
            return []
        with self._database.read() as connection:
            run = run_number(connection, run_id)
            lacking = and_(
                samples.c.run == run,
                samples.c.position > after_position,
                samples.c.state != "failed",
                lacks_outcome(metrics),
            )
            query = select(samples.c.number, samples.c.position).where(lacking)
            ordered = query.order_by(samples.c.position, samples.c.repeat)
            found = connection.execute(ordered.limit(limit)).all()
            if len(found) == limit:
                last = found[-1].position
                taken = {row.number for row in found}
                rest = connection.execute(
                    ordered.where(samples.c.position == last, samples.c.number.not_in(taken))
                )
                found = [*found, *rest]
            return load_samples(connection, [row.number for row in found])

    def list_samples(
        self,
        run_id: str,
        row_filter: RowFilter,
        *,
        offset: int = 0,
        limit: int = 50,
        seconds: float | None = None,
    ) -> Page[StoredSample]:
        """The rows that fit ``row_filter``. Sorted by score or latency, rows without one come
        last. A search for text ends after about ``seconds``, where they are given, or when the
        page is full; ``Page.searched`` then tells how far it came."""
        check_filter(row_filter)
        with self._database.read() as connection:
            scope = scope_of(connection, run_id)
            if row_filter.text:
                found = self._search(connection, scope, row_filter, (offset, limit, seconds))
            elif stretches := stretches_of(connection, scope, row_filter):
                counted = is_all_of_a_state(row_filter)
                total = scope.in_state(row_filter.state) if counted else None
                found = Found(*page_of(connection, stretches, offset, limit, total))
            else:
                query = filtered(scope, row_filter)
                found = Found(*page_of_filtered(connection, query, row_filter, offset, limit))
            rows = tuple(load_samples(connection, found.numbers))
            return Page(rows, found.total, offset, found.searched)

    def _search(
        self,
        connection: Connection,
        scope: Scope,
        wanted: RowFilter,
        page: tuple[int, int, float | None],
    ) -> Found:
        offset, limit, seconds = page
        query = filtered(scope, wanted)
        numbers = None
        if self._has_text_index:
            numbers = rows_with(self._database, connection, scope, wanted.text)
        if numbers is not None:
            query = query.where(samples.c.number.in_(numbers))
            return Found(*page_of_filtered(connection, query, wanted, offset, limit))
        stretches = stretches_of(connection, scope, wanted)
        if seconds is None or stretches is None:
            query = query.where(with_text(scope, wanted.text))
            return Found(*page_of_filtered(connection, query, wanted, offset, limit))
        return search_in_order(connection, scope, stretches, wanted.text, (offset, limit, seconds))

    @cached_property
    def _has_text_index(self) -> bool:
        return has_text_index(self._database)

    def get_sample(self, run_id: str, key: SampleKey) -> StoredSample:
        with self._database.read() as connection:
            query = select(samples.c.number).where(
                samples.c.run == run_number(connection, run_id),
                samples.c.example_id == key.example_id,
                samples.c.repeat == key.repeat,
            )
            found = load_samples(connection, connection.scalars(query).all())
        if not found:
            raise UnknownNameError("sample", f"{key.example_id}, repeat {key.repeat}")
        return found[0]

    def iterate_samples(self, run_id: str) -> Iterator[StoredSample]:
        """All rows in order, a page in memory at a time; no transaction stays open between."""
        for numbers in self._pages(run_id, select(samples.c.number), _PAGE):
            with self._database.read() as connection:
                page = load_samples(connection, [row.number for row in numbers])
            yield from page

    def iterate_outcomes(self, run_id: str, metric: str) -> Iterator[tuple[str, int, float | None]]:
        """(example id, repeat, value or None for a failure) in order of example."""
        query = select(samples.c.example_id, scores.c.value).join(
            scores, and_(scores.c.sample == samples.c.number, scores.c.metric == metric)
        )
        for rows in self._pages(run_id, query, _NARROW_PAGE):
            for row in rows:
                yield row.example_id, row.repeat, row.value

    def iterate_values(self, run_id: str, metric: str) -> Iterator[tuple[int, float | None]]:
        """(position, value or None for a failure) in order of position and repeat."""
        with self._database.read() as connection:
            run = run_number(connection, run_id)
        place = scores.c.position, scores.c.repeat
        query = (
            select(*place, scores.c.value)
            .where(scores.c.run == run, scores.c.metric == metric)
            .order_by(*place)
            .limit(_NARROW_PAGE)
        )
        last = -1, -1
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(tuple_(*place) > tuple_(*last))).all()
            for position, _, value in rows:
                yield position, value
            if len(rows) < _NARROW_PAGE:
                return
            last = rows[-1][:2]

    def count_errors(self, run_id: str) -> dict[str, int]:
        """Failed samples by error kind, the commonest first."""
        with self._database.read() as connection:
            run = run_number(connection, run_id)
            count = func.count().label("count")
            query = (
                select(samples.c.error_kind, count)
                .where(samples.c.run == run, samples.c.error_kind.is_not(None))
                .group_by(samples.c.error_kind)
                .order_by(count.desc(), samples.c.error_kind)
            )
            return {row.error_kind: row[1] for row in connection.execute(query)}

    def _pages(self, run_id: str, query: Select[Any], size: int) -> Iterator[Sequence[Row[Any]]]:
        """Rows of ``query`` over a run's samples with position and repeat, page by page."""
        with self._database.read() as connection:
            run = run_number(connection, run_id)
        position, repeat = -1, -1
        ordered = (
            query.add_columns(samples.c.position, samples.c.repeat)
            .where(samples.c.run == run)
            .order_by(samples.c.position, samples.c.repeat)
            .limit(size)
        )
        while True:
            behind = or_(
                samples.c.position > position,
                and_(samples.c.position == position, samples.c.repeat > repeat),
            )
            with self._database.read() as connection:
                rows = connection.execute(
                    ordered.where(samples.c.position >= position, behind)
                ).all()
            if not rows:
                return
            yield rows
            position, repeat = rows[-1].position, rows[-1].repeat
