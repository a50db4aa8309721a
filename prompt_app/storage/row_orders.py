"""Which stretches of indexes hold the rows that a filter wants, in the order that it wants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, UnaryExpression, func, select
from sqlalchemy.sql.operators import custom_op

from prompt_app.datamodel.evaluation import ACTIVE_STATES
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import RowFilter
from prompt_app.storage.chunk_tables import chunks
from prompt_app.storage.paging import Stretch
from prompt_app.storage.runs import run_number
from prompt_app.storage.tables import dataset_versions, runs, samples, scores

PLACE = (samples.c.position, samples.c.repeat)
_SORTED: dict[str, tuple[Column[Any], ...]] = {
    "latency": (samples.c.latency_seconds, *PLACE),
    "cost": (samples.c.cost_usd, *PLACE),
}
_FEW = 5000
"""Rows that are sorted faster than an index is walked through to find them."""


Stretches = Iterable[Stretch] | None


@dataclass(frozen=True)
class Scope:
    """What the filters must know of a run."""

    number: int
    version: int
    version_rows: int
    answered: int
    """Samples with a reply, scored or not."""
    scored: int
    failed: int
    outcomes: dict[str, tuple[int, int]]
    """Metric -> values and failures, as the summary of a run that has ended has them."""

    @property
    def total(self) -> int:
        return self.answered + self.failed

    def in_state(self, state: str | None) -> int:
        if state is None:
            return self.total
        counts = {"failed": self.failed, "scored": self.scored}
        return counts.get(state, self.answered - self.scored)


def scope_of(connection: Connection, run_id: str) -> Scope:
    """The counts are exact: writers keep them, a chunk's until its run has been told."""
    query: Select[Any] = (
        select(
            *(runs.c.number, runs.c.version, runs.c.state, runs.c.summary),
            *(runs.c.answered, runs.c.scored, runs.c.failed, dataset_versions.c.rows),
        )
        .join(dataset_versions, dataset_versions.c.number_in_store == runs.c.version)
        .where(runs.c.number == run_number(connection, run_id))
    )
    run = connection.execute(query).one()
    names = ("answered", "scored", "failed")
    untold = connection.execute(
        select(*(func.coalesce(func.sum(chunks.c[name]), 0) for name in names)).where(
            chunks.c.run == run.number
        )
    ).one()
    summary = [] if run.state in ACTIVE_STATES else json.loads(run.summary)
    return Scope(
        number=run.number,
        version=run.version,
        version_rows=run.rows,
        answered=run.answered + int(untold[0]),
        scored=run.scored + int(untold[1]),
        failed=run.failed + int(untold[2]),
        outcomes={each["metric"]: (each["scored"], each["failed"]) for each in summary},
    )


def check_filter(wanted: RowFilter) -> None:
    """Raises EvaluationError for scores of no metric."""
    if wanted.metric is None and (_ranged(wanted) or wanted.sort == "score"):
        what = "A least or greatest score" if _ranged(wanted) else "Sorting by score"
        raise EvaluationError(f"{what} needs the metric that it goes by.")


def is_all_of_a_state(wanted: RowFilter) -> bool:
    """Whether the rows are as many as the run's counts have it."""
    return not (_ranged(wanted) or wanted.metric_failed or wanted.error_kind or wanted.text)


def _ranged(wanted: RowFilter) -> bool:
    return wanted.minimum is not None or wanted.maximum is not None


def stretches_of(connection: Connection, scope: Scope, wanted: RowFilter) -> Stretches:
    """None for combinations that no index has in order. Text is not looked at."""
    ranged = _ranged(wanted)
    conditions = sum((wanted.error_kind is not None, wanted.metric_failed, ranged))
    if conditions > 1 or (conditions == 1 and not _adds_nothing(scope, wanted)):
        return None
    if wanted.error_kind is not None:
        return _of_error(scope, wanted)
    if wanted.metric_failed:
        return _unscored(scope, wanted)
    if ranged:
        return _in_range(connection, scope, wanted)
    return _in_state(connection, scope, wanted)


def _adds_nothing(scope: Scope, wanted: RowFilter) -> bool:
    """Whether rows that fit another condition are in the wanted state anyhow: only samples that
    failed have an error, and all that have scores are scored, unless some still wait for it."""
    if wanted.state is None:
        return True
    if wanted.error_kind is not None:
        return wanted.state == "failed"
    return wanted.state == "scored" and scope.answered == scope.scored


def _of_error(scope: Scope, wanted: RowFilter) -> Stretches:
    if wanted.sort != "position":
        return None
    of_kind = samples.c.run == scope.number, samples.c.error_kind == wanted.error_kind
    return [Stretch(samples, of_kind, PLACE, wanted.descending)]


def _unscored(scope: Scope, wanted: RowFilter) -> Stretches:
    if wanted.metric is None or wanted.sort not in ("position", "score"):
        return None
    return [_failures(scope, wanted)]


def _failures(scope: Scope, wanted: RowFilter) -> Stretch:
    failures = (*_of_metric(scope, wanted), scores.c.value.is_(None))
    known = scope.outcomes.get(str(wanted.metric))
    order = scores.c.position, scores.c.repeat
    return Stretch(scores, failures, order, wanted.descending, known[1] if known else None)


def _of_metric(scope: Scope, wanted: RowFilter) -> tuple[ColumnElement[bool], ...]:
    return scores.c.run == scope.number, scores.c.metric == wanted.metric


def _in_range(connection: Connection, scope: Scope, wanted: RowFilter) -> Stretches:
    by_value = Stretch(
        scores,
        (*_of_metric(scope, wanted), *_within(scores.c.value, wanted)),
        (scores.c.value, scores.c.position, scores.c.repeat),
        wanted.descending,
    )
    if wanted.sort == "score":
        return [by_value]
    total = by_value.total(connection)
    order = _SORTED.get(wanted.sort, PLACE)
    if total <= _FEW:
        found = select(scores.c.sample).where(*by_value.conditions)
        few = (samples.c.number.in_(found),)
        return [Stretch(samples, few, order, wanted.descending, total)]
    inside = _within(_unindexed(scores.c.value), wanted)
    if wanted.sort == "position":
        by_place = (*_of_metric(scope, wanted), *inside)
        place = scores.c.position, scores.c.repeat
        return [Stretch(scores, by_place, place, wanted.descending, total)]
    own = scores.c.sample == samples.c.number, scores.c.metric == wanted.metric
    # Not EXISTS, which PostgreSQL would make a join of: the walk ends when the page is full.
    fitting = select(func.count()).select_from(scores).where(*own, *inside).scalar_subquery()
    # Whatever has a score has a reply with its latency; that index holds no other rows.
    own_order = samples.c.run == scope.number, order[0].is_not(None)
    return [Stretch(samples, (*own_order, fitting > 0), order, wanted.descending, total)]


def _within(value: ColumnElement[Any], wanted: RowFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.minimum is not None:
        conditions.append(value >= wanted.minimum)
    if wanted.maximum is not None:
        conditions.append(value <= wanted.maximum)
    return conditions


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value; no planner takes it for what an index is in order of."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _in_state(connection: Connection, scope: Scope, wanted: RowFilter) -> Stretches:
    state, down = wanted.state, wanted.descending
    total = scope.in_state(state)
    run: tuple[ColumnElement[bool], ...] = (samples.c.run == scope.number,)
    if state == "failed":
        run = (*run, samples.c.reply.is_(None))
    elif total < scope.total:
        run = (*run, samples.c.state == state)
    if wanted.sort == "position":
        return [Stretch(samples, run, PLACE, down, total)]
    if wanted.sort == "cost":
        return [Stretch(samples, run, _SORTED["cost"], down, total)]
    if wanted.sort == "latency":
        failed = scope.failed if state in (None, "failed") else 0
        timed = (*run, samples.c.latency_seconds.is_not(None))
        untimed = (samples.c.run == scope.number, samples.c.reply.is_(None))
        return [
            Stretch(samples, timed, _SORTED["latency"], down, total - failed),
            Stretch(samples, untimed, PLACE, down, failed),
        ]
    if state == "failed":
        return [Stretch(samples, run, PLACE, down, total)]
    if state is not None and not _adds_nothing(scope, wanted):
        return None
    return _by_score(connection, scope, wanted)


def _by_score(connection: Connection, scope: Scope, wanted: RowFilter) -> Iterator[Stretch]:
    """The rows with a value, then those where the metric failed, then those without any outcome."""
    valued = (*_of_metric(scope, wanted), scores.c.value.is_not(None))
    order = scores.c.value, scores.c.position, scores.c.repeat
    known = scope.outcomes.get(str(wanted.metric))
    values = Stretch(scores, valued, order, wanted.descending, known[0] if known else None)
    yield values
    failures = _failures(scope, wanted)
    yield failures
    if wanted.state is not None:
        return
    rest = scope.total - values.total(connection) - failures.total(connection)
    others: tuple[ColumnElement[bool], ...] = (samples.c.run == scope.number,)
    if rest == scope.failed:
        others = (*others, samples.c.reply.is_(None))
    elif rest < scope.total:
        outcome = select(scores.c.sample).where(
            scores.c.sample == samples.c.number, scores.c.metric == wanted.metric
        )
        others = (*others, ~outcome.exists())
    yield Stretch(samples, others, PLACE, wanted.descending, max(0, rest))
