"""Row filters as SQL, where no index has the rows in order: any combination of conditions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from prompt_app.interfaces import RowFilter
from prompt_app.storage.row_orders import Scope
from prompt_app.storage.tables import examples, replies, samples, scores, version_rows

_FEW = 4
"""A run with fewer than a fourth of the dataset's rows is searched row by row."""


def filtered(scope: Scope, wanted: RowFilter) -> Select[Any]:
    """The rows of samples that fit, of whatever text."""
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
    return query


def page_of_filtered(
    connection: Connection, query: Select[Any], wanted: RowFilter, offset: int, limit: int
) -> tuple[list[int], int]:
    """The numbers of the samples on a page, and how many rows there are in all. Sorted by score,
    rows without one come last; those where the metric failed before those without an outcome."""
    numbered = query.with_only_columns(samples.c.number)
    page = _ordered(numbered, wanted).offset(offset).limit(limit)
    # Finding the rows is slow, so count in the same pass.
    found = connection.execute(page.add_columns(func.count().over())).all()
    if found or not offset:
        return [row[0] for row in found], int(found[0][1]) if found else 0
    return [], int(connection.scalar(query.with_only_columns(func.count())) or 0)


def _in_range(run: int, wanted: RowFilter) -> Select[Any]:
    query = select(scores.c.sample).where(scores.c.run == run, scores.c.metric == wanted.metric)
    if wanted.minimum is not None:
        query = query.where(scores.c.value >= wanted.minimum)
    if wanted.maximum is not None:
        query = query.where(scores.c.value <= wanted.maximum)
    return query


def with_text(scope: Scope, text: str) -> ColumnElement[bool]:
    """Rows with ``text`` in the example, the reply or the error message, wherever they are.

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
    if scope.total * _FEW < scope.version_rows:
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


def _ordered(query: Select[Any], wanted: RowFilter) -> Select[Any]:
    """``query`` over samples in the order wanted."""

    def directed(column: Any) -> Any:
        return column.desc() if wanted.descending else column.asc()

    by_place = (directed(samples.c.position), directed(samples.c.repeat))
    if wanted.sort == "score":
        query = query.outerjoin(
            scores, and_(scores.c.sample == samples.c.number, scores.c.metric == wanted.metric)
        )
        value = directed(scores.c.value).nulls_last()
        return query.order_by(value, scores.c.sample.is_(None), *by_place)
    if wanted.sort == "latency":
        return query.order_by(directed(samples.c.latency_seconds).nulls_last(), *by_place)
    if wanted.sort == "cost":
        return query.order_by(directed(samples.c.cost_usd), *by_place)
    return query.order_by(*by_place)
