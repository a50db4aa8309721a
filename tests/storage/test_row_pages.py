"""Pages far down a list, and searches, with the bounds so low that a small run reaches them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import text
from storage.building import a_reply, claimed, examples, failed, key, outcome, together

from prompt_app.interfaces import (
    Lease,
    RowFilter,
    SampleResult,
    SampleScores,
    StoredReply,
    StoredSample,
    WriteBatch,
)
from prompt_app.storage import paging, row_orders, searching
from prompt_app.storage.store import SqlStore
from prompt_app.storage.tables import replies

ROWS = 60
SORTS = ("position", "score", "latency", "cost")


@pytest.fixture(autouse=True)
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "NEAR", 4)
    monkeypatch.setattr(row_orders, "_FEW", 3)
    monkeypatch.setattr(searching, "SLICE", 7)


@pytest.fixture
def lease(store: SqlStore) -> Lease:
    """Two repeats of 30 rows: some failed, some unscored, some that a metric failed on; many
    equal scores, latencies and costs; stored out of order."""
    chance = random.Random(3)
    lease = claimed(
        store, rows=examples(ROWS // 2, note="The same words"), metrics=["squad_f1", "exact_match"]
    )
    places = [(n, r) for n in range(ROWS // 2) for r in range(2)]
    chance.shuffle(places)
    for number, repeat in places:
        if number % 7 == 3:
            kind = "server" if repeat else "timeout"
            result = SampleResult(
                key(number, repeat), number, None, error_kind=kind, error_message=f"Broke {kind}"
            )
            store.write_batch(lease, WriteBatch(results=[result]))
            continue
        reply = a_reply(f"Reply {number}-{repeat}.", latency_seconds=chance.randrange(5))
        stored = StoredReply(f"r{number}-{repeat}", f"c{number}", reply, 0.1)
        result = SampleResult(key(number, repeat), number, stored.id, cost_usd=chance.randrange(3))
        batch = WriteBatch(replies=[stored], results=[result])
        if number < 25:
            value = None if number % 5 == 1 else chance.randrange(4) / 4
            outcomes = outcome(value, "squad_f1"), outcome(float(repeat), "exact_match")
            batch.scores = [SampleScores(key(number, repeat), outcomes)]
        store.write_batch(lease, batch)
    return lease


def places(rows: tuple[StoredSample, ...]) -> list[tuple[int, int]]:
    return [(row.position, row.key.repeat) for row in rows]


def fits(row: StoredSample, wanted: RowFilter) -> bool:
    value = next((score.value for score in row.scores if score.metric == wanted.metric), None)
    unscored = any(each.metric == wanted.metric for each in row.failures)
    return (
        wanted.state in (None, row.state)
        and wanted.error_kind in (None, row.error_kind)
        and (wanted.minimum is None or (value is not None and value >= wanted.minimum))
        and (wanted.maximum is None or (value is not None and value <= wanted.maximum))
        and (unscored or not wanted.metric_failed)
    )


def in_order(rows: list[StoredSample], wanted: RowFilter) -> list[tuple[int, int]]:
    """The slow and plain way."""

    def value(row: StoredSample) -> tuple[int, float]:
        if wanted.sort == "latency":
            return (0, row.reply.latency_seconds) if row.reply else (1, 0.0)
        if wanted.sort == "cost":
            return (0, row.cost_usd)
        if wanted.sort == "score":
            for score in row.scores:
                if score.metric == wanted.metric:
                    return 0, score.value
            unscored = any(each.metric == wanted.metric for each in row.failures)
            return (1 if unscored else 2), 0.0
        return 0, 0.0

    sign = -1 if wanted.descending else 1
    ordered = sorted(
        (row for row in rows if fits(row, wanted)),
        key=lambda row: (
            value(row)[0],
            sign * value(row)[1],
            sign * row.position,
            sign * row.key.repeat,
        ),
    )
    return places(tuple(ordered))


def filters() -> Iterator[RowFilter]:
    kinds = [
        RowFilter(metric="squad_f1"),
        *(RowFilter(metric="squad_f1", state=state) for state in ("answered", "scored", "failed")),
        RowFilter(metric="squad_f1", error_kind="server"),
        RowFilter(metric="squad_f1", error_kind="server", state="failed"),
        RowFilter(metric="squad_f1", minimum=0.25, maximum=0.5),
        RowFilter(metric="squad_f1", maximum=0.5, state="scored"),
        RowFilter(metric="squad_f1", maximum=0.5, state="answered"),
        RowFilter(metric="exact_match", minimum=1.0),
        RowFilter(metric="squad_f1", minimum=2.0),
        RowFilter(metric="squad_f1", metric_failed=True),
        RowFilter(metric="other"),
    ]
    for kind, sort, descending in product(kinds, SORTS, (False, True)):
        yield replace(kind, sort=sort, descending=descending)  # type: ignore[arg-type]


@pytest.mark.parametrize("ended", [False, True])
def test_every_page_of_every_list_is_as_sorting_all_rows_has_it(
    store: SqlStore, lease: Lease, ended: bool
) -> None:
    if ended:
        from prompt_app.engine.summary import summarize_run

        run = store.get_run(lease.run.id)
        store.end_run(lease, "cancelled", summary=summarize_run(store, run))
    rows = list(store.iterate_samples(lease.run.id))
    assert len(rows) == ROWS
    for wanted in filters():
        expected = in_order(rows, wanted)
        for offset in (0, 3, 6, 20, len(expected) // 2, max(0, len(expected) - 3), 70):
            page = store.list_samples(lease.run.id, wanted, offset=offset, limit=5)
            assert page.total == len(expected), wanted
            assert places(page.items) == expected[offset : offset + 5], (wanted, offset)


def test_a_search_finds_the_same_with_and_without_an_index(
    store: SqlStore, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "reply 12-1",
        "REPLY",
        "question 4?",
        "same words",
        "broke tim",
        "nowhere",
        "y 9",
        "-1",
    ]
    run = lease.run.id
    for wanted, sort in product(texts, SORTS):
        row_filter = RowFilter(text=wanted, metric="squad_f1", sort=sort)  # type: ignore[arg-type]
        pages = []
        for has_index, seconds in ((True, None), (False, None), (False, 60.0)):
            monkeypatch.setitem(vars(store), "_has_text_index", has_index)
            pages.append(store.list_samples(run, row_filter, limit=100, seconds=seconds))
        assert places(pages[0].items) == places(pages[1].items) == places(pages[2].items)
        assert pages[0].total == pages[1].total == pages[2].total
        assert pages[2].searched is None


def test_the_index_of_texts_is_there_and_is_asked(
    store: SqlStore, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert searching.has_text_index(store._database)
    monkeypatch.setattr("prompt_app.storage.samples.with_text", None)  # reads every text
    page = store.list_samples(lease.run.id, RowFilter(text="Reply 20-0"))
    assert (places(page.items), page.total, page.searched) == ([(20, 0)], 1, None)


def test_text_that_is_everywhere_fills_a_page_and_tells_how_far_it_looked(
    store: SqlStore, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_FOUND", 3)
    wanted = RowFilter(text="same words")
    first = store.list_samples(lease.run.id, wanted, limit=5, seconds=60)
    assert (places(first.items), first.total, first.searched) == (
        [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], 7, 7,
    )  # fmt: skip
    later = store.list_samples(lease.run.id, wanted, offset=5, limit=5, seconds=60)
    assert (later.total, later.searched) == (14, 14)
    assert places(later.items)[0] == (2, 1)
    last = store.list_samples(lease.run.id, wanted, offset=55, limit=5, seconds=60)
    assert (len(last.items), last.total, last.searched) == (5, ROWS, None)
    whole = store.list_samples(lease.run.id, wanted, limit=5)
    assert (whole.total, whole.searched) == (ROWS, None)


def test_a_search_ends_when_its_time_is_over(
    store: SqlStore, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(store), "_has_text_index", False)
    page = store.list_samples(lease.run.id, RowFilter(text="nowhere"), seconds=0)
    assert (page.items, page.total, page.searched) == ((), 0, 7)


def test_postgresql_gives_up_on_a_search_that_takes_long_and_goes_on(
    store: SqlStore, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store._database.is_sqlite:
        pytest.skip("SQLite stops by itself when it has found too many")
    monkeypatch.setattr(searching, "INDEX_MILLISECONDS", 1)
    slow = text("SELECT number FROM replies WHERE pg_sleep(1) IS NOT NULL").columns()
    monkeypatch.setattr(searching, "select", lambda *_: _Slow(slow))
    with store._database.read() as connection:
        found = searching._texts_with(store._database, connection, replies, "reply 12")
        assert found is None
        assert connection.scalar(text("SHOW statement_timeout")) == "0"


class _Slow:
    """A query that takes a second whatever is asked."""

    def __init__(self, slow: object) -> None:
        self._slow = slow

    def where(self, *_: object) -> _Slow:
        return self

    def limit(self, _: int) -> object:
        return self._slow


def test_texts_of_deleted_replies_are_not_found(store: SqlStore, lease: Lease) -> None:
    store.end_run(lease, "cancelled")
    store.archive_run(lease.run.id, "key")
    again = claimed(store, rows=4)
    store.write_batch(again, together(failed(0, message="Reply 12-1")))
    page = store.list_samples(again.run.id, RowFilter(text="reply 12-1"))
    assert places(page.items) == [(0, 0)]


@pytest.mark.parametrize("indexed", [True, False])
def test_a_reply_of_the_gateway_is_found_where_a_run_took_it(
    store: SqlStore, lease: Lease, monkeypatch: pytest.MonkeyPatch, indexed: bool
) -> None:
    store.write_usage([], [StoredReply("g1", "k1", a_reply("A Question of Tea"), 0.1)])
    assert store.list_samples(lease.run.id, RowFilter(text="of tea")).total == 0
    again = claimed(store, rows=3)
    taken = SampleResult(key(1), 1, "g1", cached=True)
    store.write_batch(again, WriteBatch(results=[taken]))
    monkeypatch.setitem(vars(store), "_has_text_index", indexed)
    page = store.list_samples(again.run.id, RowFilter(text="question of tea"))
    assert places(page.items) == [(1, 0)]
