"""Storing what a worker has done: replies, results, scores, counts and spend in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from prompt_app.errors import StoreError, StoreUnavailableError
from prompt_app.interfaces import Lease, SampleResult, SampleScores, WriteBatch
from prompt_app.interfaces.chunks import Chunk
from prompt_app.storage.counts import Counts, add_counts
from prompt_app.storage.database import BulkInsert, in_chunks
from prompt_app.storage.encoding import dump_record
from prompt_app.storage.holding import held_by, holder_of
from prompt_app.storage.outcomes import outcome_row
from prompt_app.storage.part import StorePart
from prompt_app.storage.searching import make_searchable
from prompt_app.storage.tables import escape_text, replies, samples, scores

Identity = tuple[str, int]
"""Example id and repeat."""


class Batches(StorePart):
    """The part of the store that workers write to."""

    @cached_property
    def _doubtful(self) -> dict[tuple[str, Chunk | None], tuple[int, int, WriteBatch]]:
        """Run or chunk -> the batch that was perhaps stored, its fence, and the number stored
        before."""
        return {}

    @cached_property
    def _replies(self) -> BulkInsert:
        return BulkInsert(self._database, self._database.insert_or_ignore(replies, "id"))

    @cached_property
    def _samples(self) -> BulkInsert:
        return BulkInsert(self._database, insert(samples))

    @cached_property
    def _scores(self) -> BulkInsert:
        ignoring = self._database.insert_or_ignore(scores, "sample", "metric")
        return BulkInsert(self._database, ignoring)

    def write_batch(self, lease: Lease, batch: WriteBatch) -> None:
        """Store all of it in one transaction, with the run's counts, or nothing.

        A sample that is already there is left as it is, but its reply is kept, since it was paid
        for. An outcome that is already there is left as it is. When the connection broke so that
        nobody knows whether the batch was stored, the same object given again is stored once.
        Raises LeaseLostError.
        """
        held: Row[Any] | None = None
        what = (lease.run.id, lease.chunk)
        try:
            with self._database.write() as connection:
                held = held_by(connection, lease)
                if self._doubtful.get(what) != (lease.fence, held.batches - 1, batch):
                    counts = self._store(connection, held, batch)
                    add_counts(connection, holder_of(lease), held, counts, batch)
                else:
                    held = None  # it was stored: what becomes of this look is all the same
        except StoreUnavailableError:
            if held is not None:
                self._doubtful[what] = (lease.fence, held.batches, batch)
            raise
        self._doubtful.pop(what, None)

    def _store(self, connection: Connection, held: Row[Any], batch: WriteBatch) -> Counts:
        counts = Counts()
        now = datetime.now(UTC)
        present = _present(connection, held.number, _identities(batch))
        self._insert_replies(connection, batch, present, counts, now)
        new = _new_results(batch.results, present)
        self._insert_samples(connection, held.number, new, now)
        counts.add_results(new, batch.replies)
        if batch.scores:
            present.update(_present(connection, held.number, _both(new, batch.scores)))
            self._insert_scores(connection, held.number, batch.scores, present, counts)
        return counts

    def _insert_replies(
        self,
        connection: Connection,
        batch: WriteBatch,
        present: Mapping[Identity, _Present],
        counts: Counts,
        now: datetime,
    ) -> None:
        if not batch.replies:
            return
        _count_duplicate_calls(connection, batch, present, counts)
        stored_now = self._database.stored_time(now)
        self._replies(
            connection,
            [
                (
                    stored.id,
                    stored.cache_key,
                    stored.reply.latency_seconds,
                    stored.cost_usd,
                    stored_now
                    if stored.created_at is None
                    else self._database.stored_time(stored.created_at),
                    escape_text(stored.reply.text.casefold()),
                    dump_record(stored.reply),
                )
                for stored in batch.replies
            ],
        )

    def _insert_samples(
        self,
        connection: Connection,
        run: int,
        new: Sequence[SampleResult],
        now: datetime,
    ) -> None:
        if not new:
            return
        known = _stored_replies(connection, new)
        make_searchable(connection, [known[result.reply_id][0] for result in new if result.cached])
        stored_now = self._database.stored_time(now)
        self._samples(
            connection,
            [
                (
                    run,
                    result.key.example_id,
                    result.key.repeat,
                    result.position,
                    "failed" if result.reply_id is None else "answered",
                    known[result.reply_id][0],
                    result.cached,
                    result.cost_usd,
                    known[result.reply_id][1],
                    result.attempts,
                    result.error_kind,
                    None if result.error_message is None else escape_text(result.error_message),
                    stored_now,
                )
                for result in new
            ],
        )

    def _insert_scores(
        self,
        connection: Connection,
        run: int,
        scored: Sequence[SampleScores],
        present: Mapping[Identity, _Present],
        counts: Counts,
    ) -> None:
        """Insert the outcomes that are new and move their samples on to ``scored``."""
        by_sample = [
            (sample, entry)
            for entry in scored
            if (sample := present.get((entry.key.example_id, entry.key.repeat))) is not None
            and sample.state != "failed"
        ]
        known: set[tuple[int, str]] = set()
        if any(outcome.cost_usd for _, entry in by_sample for outcome in entry.outcomes):
            for some in in_chunks([sample.number for sample, _ in by_sample]):
                found = connection.execute(_OUTCOMES, {"numbers": some})
                known.update((number, metric) for number, metric in found)
        rows: list[tuple[Any, ...]] = []
        finished: list[int] = []
        for sample, entry in by_sample:
            for outcome in entry.outcomes:
                identity = (sample.number, outcome.metric)
                if identity not in known:
                    known.add(identity)
                    counts.judge_cost_usd += outcome.cost_usd
                    place = sample.position, entry.key.repeat
                    rows.append(outcome_row(run, sample.number, place, outcome))
            if sample.state == "answered":
                sample.state = "scored"
                finished.append(sample.number)
        counts.scored += len(finished)
        self._scores(connection, rows)
        for some in in_chunks(finished):
            connection.execute(_SET_SCORED, {"numbers": some})


@dataclass(slots=True)
class _Present:
    """A sample that the store has."""

    number: int
    position: int
    state: str


_PRESENT = select(
    *(samples.c.number, samples.c.example_id, samples.c.repeat),
    *(samples.c.position, samples.c.state),
).where(
    samples.c.run == bindparam("run_number"),
    samples.c.example_id.in_(bindparam("example_ids", expanding=True)),
)
_STORED = select(replies.c.id, replies.c.number, replies.c.latency_seconds).where(
    replies.c.id.in_(bindparam("ids", expanding=True))
)
_KNOWN_REPLIES = select(replies.c.id).where(replies.c.id.in_(bindparam("ids", expanding=True)))
_OUTCOMES = select(scores.c.sample, scores.c.metric).where(
    scores.c.sample.in_(bindparam("numbers", expanding=True))
)
_SET_SCORED = (
    update(samples)
    .where(samples.c.number.in_(bindparam("numbers", expanding=True)))
    .values(state="scored")
)


def _identities(batch: WriteBatch) -> list[Identity]:
    keys = [result.key for result in batch.results]
    keys += [scored.key for scored in batch.scores]
    return list(dict.fromkeys((key.example_id, key.repeat) for key in keys))


def _present(
    connection: Connection, run: int, identities: Iterable[Identity]
) -> dict[Identity, _Present]:
    """Those samples that the store has (and perhaps other repeats of the same examples)."""
    found: dict[Identity, _Present] = {}
    example_ids = list(dict.fromkeys(example_id for example_id, _ in identities))
    for some in in_chunks(example_ids):
        rows = connection.execute(_PRESENT, {"run_number": run, "example_ids": some})
        for number, example_id, repeat, position, state in rows:
            found[example_id, repeat] = _Present(number, position, state)
    return found


def _both(new: Iterable[SampleResult], scored: Iterable[SampleScores]) -> list[Identity]:
    """Samples that come with their scores in one batch."""
    answered = {(result.key.example_id, result.key.repeat) for result in new}
    keys = ((entry.key.example_id, entry.key.repeat) for entry in scored)
    return [key for key in keys if key in answered]


def _new_results(
    results: Sequence[SampleResult], present: Mapping[Identity, _Present]
) -> list[SampleResult]:
    new: dict[Identity, SampleResult] = {}
    for result in results:
        identity = (result.key.example_id, result.key.repeat)
        if identity not in present:
            new.setdefault(identity, result)
    return list(new.values())


def _count_duplicate_calls(
    connection: Connection,
    batch: WriteBatch,
    present: Mapping[Identity, _Present],
    counts: Counts,
) -> None:
    """Count the cost of calls for samples that had a result already: they were billed too."""
    again = {
        result.reply_id: result.cost_usd
        for result in batch.results
        if result.reply_id is not None
        and not result.cached
        and (result.key.example_id, result.key.repeat) in present
    }
    if not again:
        return
    known: set[str] = set()
    for some in in_chunks(list(again)):
        known.update(connection.scalars(_KNOWN_REPLIES, {"ids": some}))
    for stored in batch.replies:
        if stored.id in again and stored.id not in known:
            counts.cost_usd += again[stored.id]
            counts.usage.append(stored.reply.usage)


def _stored_replies(
    connection: Connection, results: Sequence[SampleResult]
) -> dict[str | None, tuple[int | None, float | None]]:
    """The key and the latency in seconds of each result's reply."""
    known: dict[str | None, tuple[int | None, float | None]] = {None: (None, None)}
    ids = [result.reply_id for result in results if result.reply_id is not None]
    for some in in_chunks(ids):
        for reply_id, number, seconds in connection.execute(_STORED, {"ids": some}):
            known[reply_id] = number, seconds
    missing = [reply_id for reply_id in ids if reply_id not in known]
    if missing:
        raise StoreError(f"A result names the reply {missing[0]!r}, which was never stored.")
    return known
