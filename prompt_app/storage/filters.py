"""Row filters as SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from prompt_app.errors import EvaluationError
from prompt_app.interfaces import RowFilter
from prompt_app.storage.runs import run_number
from prompt_app.storage.tables import (
    dataset_versions,
    examples,
    replies,
    runs,
    samples,
    scores,
    version_rows,
)

_FEW = 4
"""A run with fewer than a fourth of the dataset's rows is searched row by row."""


def scope_of(connection: Connection, run_id: str) -> Row[Any]:
    """What the filters must know of a run: number, version, samples, and rows of the version."""
    query: Select[Any] = (
        select(
            runs.c.number,
            runs.c.version,
            (runs.c.answered + runs.c.failed).label("samples"),
            dataset_versions.c.rows,
        )
        .join(dataset_versions, dataset_versions.c.number_in_store == runs.c.version)
        .where(runs.c.number == run_number(connection, run_id))
    )
    scope: Row[Any] = connection.execute(query).one()
    return scope


def filtered(scope: Row[Any], wanted: RowFilter) -> Select[Any]:
    """The rows of samples that fit. Raises EvaluationError for a range without its metric."""
    run = scope.number
    query = select(samples).where(samples.c.run == run)
    if wanted.state is not None:
        query = query.where(samples.c.state == wanted.state)
    if wanted.error_kind is not None:
        query = query.where(samples.c.error_kind == wanted.error_kind)
    if wanted.minimum is not None or wanted.maximum is not None:
        query = query.where(samples.c.number.in_(_in_range(run, wanted)))
    if wanted.metric_failed:
        failed = select(scores.c.sample).where(scores.c.run == run, scores.c.value.is_(None))
        if wanted.metric is not None:
            failed = failed.where(scores.c.metric == wanted.metric)
        query = query.where(samples.c.number.in_(failed))
    if wanted.text:
        query = query.where(_contains(scope, wanted.text))
    return query


def _in_range(run: int, wanted: RowFilter) -> Select[Any]:
    if wanted.metric is None:
        raise EvaluationError("A least or greatest score needs the metric it is of.")
    query = select(scores.c.sample).where(
        scores.c.run == run, scores.c.metric == wanted.metric, scores.c.value.is_not(None)
    )
    if wanted.minimum is not None:
        query = query.where(scores.c.value >= wanted.minimum)
    if wanted.maximum is not None:
        query = query.where(scores.c.value <= wanted.maximum)
    return query


def _contains(scope: Row[Any], text: str) -> ColumnElement[bool]:
    """Rows with ``text`` in the example, the reply or the error message.

    Each kind of text is searched by itself: a join of all three would carry the texts along.
    """
    folded = text.casefold()
    with_example = (
        select(version_rows.c.position)
        .join(examples, examples.c.number == version_rows.c.example)
        .where(
            version_rows.c.version == scope.version,
            examples.c.folded.contains(folded, autoescape=True),
        )
    )
    if scope.samples * _FEW < scope.rows:
        own = select(samples.c.position).where(samples.c.run == scope.number)
        with_example = with_example.where(version_rows.c.position.in_(own))
    with_reply = (
        select(samples.c.number)
        .join(replies, replies.c.number == samples.c.reply)
        .where(samples.c.run == scope.number, replies.c.folded.contains(folded, autoescape=True))
    )
    return or_(
        samples.c.position.in_(with_example),
        samples.c.number.in_(with_reply),
        samples.c.error_message.icontains(text, autoescape=True),
    )


def ordered(query: Select[Any], wanted: RowFilter) -> Select[Any]:
    """``query`` over samples in the order wanted; rows without a score or latency come last.
    Raises EvaluationError for scores of no metric."""

    def directed(column: Any) -> Any:
        return column.desc() if wanted.descending else column.asc()

    by_position = (directed(samples.c.position), directed(samples.c.repeat))
    if wanted.sort == "score":
        if wanted.metric is None:
            raise EvaluationError("Sorting by score needs the metric whose score it is.")
        query = query.outerjoin(
            scores, and_(scores.c.sample == samples.c.number, scores.c.metric == wanted.metric)
        )
        return query.order_by(directed(scores.c.value).nulls_last(), *by_position)
    if wanted.sort == "latency":
        return query.order_by(directed(samples.c.latency_seconds).nulls_last(), *by_position)
    if wanted.sort == "cost":
        return query.order_by(directed(samples.c.cost_usd), *by_position)
    return query.order_by(*by_position)
