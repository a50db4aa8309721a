"""Scores and failures as rows of the table of scores, and back."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from prompt_app.datamodel.model import TokenUsage
from prompt_app.datamodel.score import Failure, Score
from prompt_app.storage.encoding import dump_plain, dump_record, load_record
from prompt_app.storage.tables import escape_text

_NO_USAGE = TokenUsage()


def outcome_row(
    run: int, sample: int, place: tuple[int, int], outcome: Score | Failure
) -> tuple[Any, ...]:
    """The columns of ``scores`` in their order. ``place``: the sample's position and repeat."""
    usage = dump_record(outcome.usage) if outcome.usage.total else None
    if isinstance(outcome, Failure):
        kind, message = outcome.kind, escape_text(outcome.message)
        return (
            *(sample, outcome.metric, run, None, None, outcome.version, None),
            *(kind, message, outcome.cost_usd, usage, *place),
        )
    reason = escape_text(outcome.reason) if outcome.reason else None
    details = dump_plain(outcome.details) if outcome.details else None
    return (
        *(sample, outcome.metric, run, outcome.value, reason, outcome.version, details),
        *(None, None, outcome.cost_usd, usage, *place),
    )


def outcome_of(row: Row[Any]) -> Score | Failure:
    usage = _NO_USAGE if row.usage is None else load_record(TokenUsage, row.usage)
    if row.failure_kind is not None:
        return Failure(
            metric=row.metric,
            kind=row.failure_kind,
            message=row.failure_message or "",
            version=row.version,
            cost_usd=row.cost_usd,
            usage=usage,
        )
    return Score(
        metric=row.metric,
        value=row.value,
        reason=row.reason or "",
        version=row.version,
        details={} if row.details is None else json.loads(row.details),
        cost_usd=row.cost_usd,
        usage=usage,
    )
