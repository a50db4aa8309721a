"""Row filters as SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, or_, select

from prompt_app.errors import EvaluationError
from prompt_app.interfaces import RowFilter
from prompt_app.storage.tables import examples, replies, runs, samples, scores, version_rows


def filtered(run: int, wanted: RowFilter) -> Select[Any]:
    """The rows of samples that fit. Raises EvaluationError for a range without its metric."""
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
        query = _containing(query, run, wanted.text)
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


def _containing(query: Select[Any], run: int, text: str) -> Select[Any]:
    """Those rows of ``query`` with ``text`` in the example, the reply or the error message."""
    folded = text.casefold()
    version = select(runs.c.version).where(runs.c.number == run).scalar_subquery()
    in_version = and_(
        version_rows.c.version == version, version_rows.c.position == samples.c.position
    )
    texts = (
        samples.outerjoin(version_rows, in_version)
        .outerjoin(examples, examples.c.number == version_rows.c.example)
        .outerjoin(replies, replies.c.number == samples.c.reply)
    )
    return query.select_from(texts).where(
        or_(
            examples.c.folded.contains(folded, autoescape=True),
            replies.c.folded.contains(folded, autoescape=True),
            samples.c.error_message.icontains(text, autoescape=True),
        )
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
