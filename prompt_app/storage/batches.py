"""Storing what a worker has done: replies, results, scores, counts and spend in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from prompt_app.datamodel.model import TokenUsage
from prompt_app.datamodel.score import Failure, Score
from prompt_app.errors import StoreError
from prompt_app.interfaces import Lease, SampleResult, SampleScores, StoredReply, WriteBatch
from prompt_app.storage.database import BulkInsert, in_chunks
from prompt_app.storage.encoding import dump_plain, dump_record
from prompt_app.storage.leases import held_run
from prompt_app.storage.part import StorePart
from prompt_app.storage.tables import escape_text, evaluations, replies, runs, samples, scores

Identity = tuple[str, int]
"""Example id and repeat."""


class Batches(StorePart):
    """The part of the store that workers write to."""

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
        for. An outcome that is already there is left as it is. Raises LeaseLostError.
        """
        with self._database.write() as connection:
            held = held_run(connection, lease)
            counts = _Counts()
            now = datetime.now(UTC)
            present = _present(connection, held.number, _identities(batch))
            self._insert_replies(connection, batch, present, counts, now)
            new = _new_results(batch.results, present)
            self._insert_samples(connection, held.number, new, now)
            counts.add_results(new, batch.replies)
            if batch.scores:
                present.update(_present(connection, held.number, _both(new, batch.scores)))
                self._insert_scores(connection, held.number, batch.scores, present, counts)
            released = min(batch.released_nanousd, held.reserved_nanousd)
            connection.execute(
                _COUNT, {"run_number": held.number, "released": released, **counts.columns()}
            )
            if released or batch.spent_nanousd:
                connection.execute(
                    _SPEND,
                    {
                        "evaluation": held.evaluation_id,
                        "released": released,
                        "spent": batch.spent_nanousd,
                    },
                )

    def _insert_replies(
        self,
        connection: Connection,
        batch: WriteBatch,
        present: Mapping[Identity, _Present],
        counts: _Counts,
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
        counts: _Counts,
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
                    rows.append(_outcome_row(run, sample.number, outcome))
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
    state: str


@dataclass(slots=True)
class _Counts:
    """What a batch adds to the run's row."""

    answered: int = 0
    scored: int = 0
    failed: int = 0
    cached: int = 0
    cost_usd: float = 0.0
    judge_cost_usd: float = 0.0
    usage: list[TokenUsage] = field(default_factory=list)

    def add_results(self, new: Sequence[SampleResult], stored: Sequence[StoredReply]) -> None:
        usage = {reply.id: reply.reply.usage for reply in stored}
        for result in new:
            self.cost_usd += result.cost_usd
            if result.reply_id is None:
                self.failed += 1
                continue
            self.answered += 1
            if result.cached:
                self.cached += 1
            elif result.reply_id in usage:
                self.usage.append(usage[result.reply_id])

    def columns(self) -> dict[str, int | float]:
        return {
            "add_answered": self.answered,
            "add_scored": self.scored,
            "add_failed": self.failed,
            "add_cached": self.cached,
            "add_cost": self.cost_usd,
            "add_judge_cost": self.judge_cost_usd,
            "add_input": sum(usage.input for usage in self.usage),
            "add_output": sum(usage.output for usage in self.usage),
            "add_cached_input": sum(usage.cached_input for usage in self.usage),
            "add_cache_write": sum(usage.cache_write for usage in self.usage),
            "add_reasoning": sum(usage.reasoning for usage in self.usage),
        }


_COUNT = (
    update(runs)
    .where(runs.c.number == bindparam("run_number"))
    .values(
        heartbeat=runs.c.heartbeat + 1,
        answered=runs.c.answered + bindparam("add_answered"),
        scored=runs.c.scored + bindparam("add_scored"),
        failed=runs.c.failed + bindparam("add_failed"),
        cached=runs.c.cached + bindparam("add_cached"),
        cost_usd=runs.c.cost_usd + bindparam("add_cost"),
        judge_cost_usd=runs.c.judge_cost_usd + bindparam("add_judge_cost"),
        input_tokens=runs.c.input_tokens + bindparam("add_input"),
        output_tokens=runs.c.output_tokens + bindparam("add_output"),
        cached_input_tokens=runs.c.cached_input_tokens + bindparam("add_cached_input"),
        cache_write_tokens=runs.c.cache_write_tokens + bindparam("add_cache_write"),
        reasoning_tokens=runs.c.reasoning_tokens + bindparam("add_reasoning"),
        reserved_nanousd=runs.c.reserved_nanousd - bindparam("released"),
    )
)
_SPEND = (
    update(evaluations)
    .where(evaluations.c.id == bindparam("evaluation"))
    .values(
        reserved_nanousd=evaluations.c.reserved_nanousd - bindparam("released"),
        spent_nanousd=evaluations.c.spent_nanousd + bindparam("spent"),
    )
)
_PRESENT = select(samples.c.number, samples.c.example_id, samples.c.repeat, samples.c.state).where(
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
        for number, example_id, repeat, state in rows:
            found[example_id, repeat] = _Present(number, state)
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
    counts: _Counts,
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


def _outcome_row(run: int, sample: int, outcome: Score | Failure) -> tuple[Any, ...]:
    usage = dump_record(outcome.usage) if outcome.usage.total else None
    if isinstance(outcome, Failure):
        kind, message = outcome.kind, escape_text(outcome.message)
        return (
            *(sample, outcome.metric, run, None, None, outcome.version, None),
            *(kind, message, outcome.cost_usd, usage),
        )
    reason = escape_text(outcome.reason) if outcome.reason else None
    details = dump_plain(outcome.details) if outcome.details else None
    return (
        *(sample, outcome.metric, run, outcome.value, reason, outcome.version, details),
        *(None, None, outcome.cost_usd, usage),
    )
