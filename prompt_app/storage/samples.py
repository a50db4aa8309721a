"""Reading the samples of a run: by key, by filter, and all in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.evaluation import SampleKey, SampleState
from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.score import Failure, Score
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces import Page, RowFilter, StoredSample
from prompt_app.storage.database import in_chunks
from prompt_app.storage.encoding import load_record
from prompt_app.storage.filters import filtered, ordered, scope_of
from prompt_app.storage.outcomes import outcome_of
from prompt_app.storage.part import StorePart
from prompt_app.storage.runs import find_run, lacks_outcome, run_number
from prompt_app.storage.tables import examples, replies, runs, samples, scores, version_rows

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
            run = find_run(connection, run_id)
            stored = (
                select(func.count())
                .select_from(samples)
                .where(samples.c.run == run.number, samples.c.position == version_rows.c.position)
                .scalar_subquery()
            )
            query = (
                select(version_rows.c.position)
                .where(
                    version_rows.c.version == run.version,
                    version_rows.c.position > after_position,
                    stored < repeats,
                )
                .order_by(version_rows.c.position)
                .limit(1)
            )
            found: int | None = connection.scalar(query)
            return found

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
        self, run_id: str, row_filter: RowFilter, *, offset: int = 0, limit: int = 50
    ) -> Page[StoredSample]:
        """The rows that fit ``row_filter``. Sorted by score, rows without a score come last."""
        with self._database.read() as connection:
            query = filtered(scope_of(connection, run_id), row_filter)
            numbered = query.with_only_columns(samples.c.number)
            wanted = ordered(numbered, row_filter).offset(offset).limit(limit)
            if row_filter.text:
                # Searching is slow, so count in the same pass.
                found = connection.execute(wanted.add_columns(func.count().over())).all()
                numbers: Sequence[int] = [row[0] for row in found]
                total = found[0][1] if found else None
            else:
                numbers = connection.scalars(wanted).all()
                total = None
            if total is None and (offset or not row_filter.text):
                total = connection.scalar(query.with_only_columns(func.count()))
            return Page(tuple(load_samples(connection, numbers)), int(total or 0), offset)

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


_WHOLE = (
    select(
        samples,
        replies.c.id.label("reply_id"),
        replies.c.reply.label("reply_json"),
        version_rows.c.split,
        examples.c.fields,
    )
    .join(runs, runs.c.number == samples.c.run)
    .outerjoin(
        version_rows,
        and_(
            version_rows.c.version == runs.c.version,
            version_rows.c.example_id == samples.c.example_id,
        ),
    )
    .outerjoin(examples, examples.c.number == version_rows.c.example)
    .outerjoin(replies, replies.c.number == samples.c.reply)
)


def load_samples(connection: Connection, numbers: Sequence[int]) -> list[StoredSample]:
    """The samples of those numbers, in that order, with their examples, replies and scores."""
    rows: dict[int, Row[Any]] = {}
    outcomes: dict[int, list[Score | Failure]] = {number: [] for number in numbers}
    for some in in_chunks(numbers):
        for row in connection.execute(_WHOLE.where(samples.c.number.in_(some))):
            rows[row.number] = row
        query = select(scores).where(scores.c.sample.in_(some)).order_by(scores.c.metric)
        for row in connection.execute(query):
            outcomes[row.sample].append(outcome_of(row))
    return [_sample_of(rows[number], outcomes[number]) for number in numbers]


def _sample_of(row: Row[Any], outcomes: Iterable[Score | Failure]) -> StoredSample:
    return StoredSample(
        key=SampleKey(example_id=row.example_id, repeat=row.repeat),
        position=row.position,
        state=row.state,
        example=Example(
            id=row.example_id,
            position=row.position,
            fields={} if row.fields is None else json.loads(row.fields),
            split=row.split,
        ),
        reply=None if row.reply_json is None else load_record(Reply, row.reply_json),
        reply_id=row.reply_id,
        cached=row.cached,
        cost_usd=row.cost_usd,
        attempts=row.attempts,
        error_kind=row.error_kind,
        error_message=row.error_message,
        scores=tuple(outcome for outcome in outcomes if isinstance(outcome, Score)),
        failures=tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
        answered_at=row.answered_at,
    )
