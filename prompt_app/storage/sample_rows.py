"""Samples as they are read back, with their examples, replies and scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.evaluation import SampleKey
from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.score import Failure, Score
from prompt_app.interfaces import StoredSample
from prompt_app.storage.database import in_chunks
from prompt_app.storage.encoding import load_record
from prompt_app.storage.outcomes import outcome_of
from prompt_app.storage.tables import examples, replies, runs, samples, scores, version_rows

_WHOLE = (
    select(
        samples,
        replies.c.id.label("reply_id"),
        replies.c.reply.label("reply_json"),
        replies.c.cost_usd.label("reply_cost_usd"),
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
        reply_cost_usd=row.reply_cost_usd or 0.0,
        attempts=row.attempts,
        error_kind=row.error_kind,
        error_message=row.error_message,
        scores=tuple(outcome for outcome in outcomes if isinstance(outcome, Score)),
        failures=tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
        answered_at=row.answered_at,
    )
