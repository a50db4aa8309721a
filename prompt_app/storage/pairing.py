"""Two runs side by side, matched by example, and what a run's calls took."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, func, select

from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.evaluation import RunSpec
from prompt_app.interfaces.pairing import CallFigures, PairFilter, SamplePair
from prompt_app.interfaces.rows import Page, StoredSample
from prompt_app.storage.datasets import version_number
from prompt_app.storage.encoding import load_record
from prompt_app.storage.part import StorePart
from prompt_app.storage.runs import find_run
from prompt_app.storage.sample_rows import load_samples
from prompt_app.storage.tables import examples, replies, runs, samples, scores, version_rows

ROWS_AT_ONCE = 2_000
"""Of a dataset's whole rows in memory."""


class Pairing(StorePart):
    """The part of the store that reads what comparisons of runs need."""

    def list_pairs(
        self,
        first_run: str,
        second_run: str,
        pair_filter: PairFilter,
        *,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[SamplePair]:
        """Examples of equal id and content that both runs scored, the widest change first, then
        by position."""
        with self._database.read() as connection:
            runs_found = find_run(connection, first_run), find_run(connection, second_run)
            is_one_version = runs_found[0].version == runs_found[1].version
            match = _matched_by_place if is_one_version else _matched
            matched = match(*runs_found, pair_filter)
            # Two statements take half the time of one that counts in the same pass.
            found = connection.execute(matched.offset(offset).limit(limit)).all()
            counted = select(func.count()).select_from(matched.order_by(None).subquery())
            total = connection.scalar(counted)
            pairs = _pairs_at if is_one_version else _pairs
            return Page(
                tuple(pairs(connection, found, runs_found, pair_filter.metric)),
                int(total or 0),
                offset,
            )

    def call_figures(self, run_id: str) -> CallFigures:
        """In order of position."""
        with self._database.read() as connection:
            query = (
                select(replies.c.latency_seconds, replies.c.cost_usd)
                .join(samples, samples.c.reply == replies.c.number)
                .where(samples.c.run == find_run(connection, run_id).number)
                .order_by(samples.c.position, samples.c.repeat)
            )
            rows = connection.execute(query).all()
        return CallFigures(tuple(row[0] for row in rows), tuple(row[1] for row in rows))

    def example_means(self, run_id: str, metric: str) -> dict[str, float]:
        """Example id -> mean of the repeats that ``metric`` scored, in order of position."""
        with self._database.read() as connection:
            run = find_run(connection, run_id)
            query = (
                select(samples.c.example_id, scores.c.value)
                .join(scores, scores.c.sample == samples.c.number)
                .where(
                    samples.c.run == run.number,
                    scores.c.metric == metric,
                    scores.c.value.is_not(None),
                )
                .order_by(samples.c.position, samples.c.repeat)
            )
            rows = connection.execute(query).all()
        if load_record(RunSpec, run.spec).repeats == 1:
            return {row[0]: row[1] for row in rows}
        values: dict[str, list[float]] = {}
        for example, value in rows:
            values.setdefault(example, []).append(value)
        return {example: fmean(each) for example, each in values.items()}

    def example_fingerprints(self, version_id: str) -> dict[str, str]:
        """Example id -> fingerprint of its content, in order of position."""
        with self._database.read() as connection:
            query = (
                select(version_rows.c.example_id, examples.c.fingerprint)
                .join(examples, examples.c.number == version_rows.c.example)
                .where(version_rows.c.version == version_number(connection, version_id))
                .order_by(version_rows.c.position)
            )
            return {row[0]: row[1] for row in connection.execute(query).all()}

    def example_values(self, version_id: str, field: str) -> dict[str, Any]:
        """Example id -> value of a field of the dataset version, in order of position."""
        with self._database.read() as connection:
            version = version_number(connection, version_id)
            query = (
                select(version_rows.c.example_id, examples.c.fields)
                .join(examples, examples.c.number == version_rows.c.example)
                .where(version_rows.c.version == version)
                .order_by(version_rows.c.position)
                .execution_options(yield_per=ROWS_AT_ONCE)
            )
            return {
                example: _value(json.loads(fields), field)
                for example, fields in connection.execute(query)
            }

    def spend_since(self, moment: datetime) -> float:
        """US dollars that the runs created from ``moment`` on have cost, judges included."""
        with self._database.read() as connection:
            spent = func.sum(runs.c.cost_usd + runs.c.judge_cost_usd)
            query: Select[Any] = select(spent).where(runs.c.created_at >= moment)
            return float(connection.scalar(query) or 0.0)


def _matched_by_place(first: Row[Any], second: Row[Any], wanted: PairFilter) -> Select[Any]:
    """``position``, ``before`` and ``after`` of rows of one dataset version: an index holds all
    of it."""
    a, b = (_values_by_place(run, wanted.metric) for run in (first, second))
    query: Select[Any] = (
        select(a.c.position, a.c.value.label("before"), b.c.value.label("after"))
        .join(b, b.c.position == a.c.position)
        .order_by(func.abs(b.c.value - a.c.value).desc(), a.c.position)
    )
    query = _changed(query, a, b, wanted)
    if wanted.text:
        found = (
            select(version_rows.c.position)
            .join(examples, examples.c.number == version_rows.c.example)
            .where(
                version_rows.c.version == first.version,
                examples.c.folded.contains(wanted.text.casefold(), autoescape=True),
            )
        )
        query = query.where(a.c.position.in_(found))
    return query


def _values_by_place(run: Row[Any], metric: str) -> Subquery:
    query = select(scores.c.position, scores.c.value).where(
        scores.c.run == run.number, scores.c.metric == metric, scores.c.value.is_not(None)
    )
    if load_record(RunSpec, run.spec).repeats > 1:
        mean = func.avg(scores.c.value).label("value")
        query = query.with_only_columns(scores.c.position, mean).group_by(scores.c.position)
    return query.subquery()


def _matched(first: Row[Any], second: Row[Any], wanted: PairFilter) -> Select[Any]:
    """Rows of ``first`` and ``second`` (numbers of samples), ``before`` and ``after``."""
    a, b = (_scored(run, wanted.metric) for run in (first, second))
    query: Select[Any] = (
        select(
            a.c.sample.label("first"),
            b.c.sample.label("second"),
            a.c.value.label("before"),
            b.c.value.label("after"),
        )
        .join(b, b.c.example_id == a.c.example_id)
        .order_by(func.abs(b.c.value - a.c.value).desc(), a.c.position)
    )
    return _with_rows(_changed(query, a, b, wanted), a, b, (first, second), wanted.text)


def _changed(query: Select[Any], a: Subquery, b: Subquery, wanted: PairFilter) -> Select[Any]:
    if wanted.change is not None:
        difference = b.c.value - a.c.value
        conditions: dict[str, ColumnElement[bool]] = {
            "up": difference > 0,
            "down": difference < 0,
            "any": difference != 0,
            "none": difference == 0,
        }
        query = query.where(conditions[wanted.change])
    if wanted.crossing:
        query = query.where((a.c.value >= 0.5) != (b.c.value >= 0.5))
    return query


def _scored(run: Row[Any], metric: str) -> Subquery:
    """The examples that ``metric`` scored in a run: sample, example_id, position, value."""
    columns = samples.c.number, samples.c.example_id, samples.c.position
    query = (
        select(columns[0].label("sample"), *columns[1:], scores.c.value)
        .join(scores, scores.c.sample == samples.c.number)
        .where(
            samples.c.run == run.number,
            # Not by scores.c.run: SQLite would then search the scores of the whole run for each
            # example of the other one.
            scores.c.metric == metric,
            scores.c.value.is_not(None),
        )
    )
    if load_record(RunSpec, run.spec).repeats > 1:
        query = query.with_only_columns(
            func.min(columns[0]).label("sample"),
            columns[1],
            func.min(columns[2]).label("position"),
            func.avg(scores.c.value).label("value"),
        ).group_by(columns[1])
    return query.subquery()


def _with_rows(
    query: Select[Any], a: Subquery, b: Subquery, sides: tuple[Row[Any], Row[Any]], text: str
) -> Select[Any]:
    """Only examples of the same content in both datasets, and with ``text`` in it."""
    rows, others = version_rows.alias(), version_rows.alias()
    query = query.join(
        rows, (rows.c.version == sides[0].version) & (rows.c.example_id == a.c.example_id)
    ).join(
        others,
        (others.c.version == sides[1].version)
        & (others.c.example_id == b.c.example_id)
        & (others.c.example == rows.c.example),
    )
    if text:
        query = query.join(examples, examples.c.number == rows.c.example).where(
            examples.c.folded.contains(text.casefold(), autoescape=True)
        )
    return query


def _value(fields: dict[str, Any], field: str) -> Any:
    try:
        return field_value(fields, field)
    except KeyError:
        return None


def _pairs(connection: Connection, found: Any, *_: Any) -> list[SamplePair]:
    numbers = [number for row in found for number in (row.first, row.second)]
    whole = dict(zip(numbers, load_samples(connection, numbers), strict=True))
    return [SamplePair(row.before, row.after, whole[row.first], whole[row.second]) for row in found]


def _pairs_at(
    connection: Connection, found: Any, sides: tuple[Row[Any], Row[Any]], metric: str
) -> list[SamplePair]:
    """As the lowest repeat that was scored has them."""
    positions = [row.position for row in found]
    a, b = (_samples_at(connection, run, metric, positions) for run in sides)
    return [SamplePair(row.before, row.after, a[row.position], b[row.position]) for row in found]


def _samples_at(
    connection: Connection, run: Row[Any], metric: str, positions: Sequence[int]
) -> dict[int, StoredSample]:
    query = select(scores.c.position, scores.c.sample).where(
        scores.c.run == run.number,
        scores.c.metric == metric,
        scores.c.value.is_not(None),
        scores.c.position.in_(positions),
    )
    ordered = connection.execute(query.order_by(scores.c.position, scores.c.repeat.desc()))
    numbers: dict[int, int] = {row.position: row.sample for row in ordered}
    loaded = load_samples(connection, list(numbers.values()))
    return dict(zip(numbers, loaded, strict=True))
