from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from storage.building import (
    a_reply,
    a_worker,
    answer,
    claimed,
    examples,
    failed,
    key,
    outcome,
    scored,
    together,
)

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.model import TokenUsage
from prompt_app.datamodel.score import Failure, Score
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.interfaces import (
    Lease,
    RowFilter,
    SampleResult,
    SampleScores,
    StoredReply,
    WriteBatch,
)
from prompt_app.storage.store import SqlStore

ROWS = 12
VALUES = [0.5, 0.0, 1.0, None, 0.25, 1.0, 0.0, 0.75]
"""Scores of the first rows in f1; None is a failure."""


def fill(store: SqlStore) -> str:
    """Rows 0 to 7 scored, 8 answered, 9 and 10 failed, 11 not yet there; stored out of order."""
    lease = claimed(store, rows=ROWS, metrics=["f1", "exact_match"])
    for number in (8, 3, 5, 1, 7, 0, 2, 6, 4):
        stored = StoredReply(
            f"r{number}", f"c{number}", a_reply(f"Reply {number}", latency_seconds=number % 5), 0.1
        )
        result = SampleResult(key(number), number, stored.id, cost_usd=number % 3)
        store.write_batch(lease, WriteBatch(replies=[stored], results=[result]))
    store.write_batch(lease, together(failed(10, "server"), failed(9, "rate_limited", "Slow!")))
    for number, value in enumerate(VALUES):
        scores = (outcome(value, "f1"), outcome(float(number % 2), "exact_match"))
        store.write_batch(lease, WriteBatch(scores=[SampleScores(key(number), scores)]))
    return lease.run.id


def positions(
    store: SqlStore, run_id: str, row_filter: RowFilter, offset: int = 0, limit: int = 50
) -> list[int]:
    page = store.list_samples(run_id, row_filter, offset=offset, limit=limit)
    assert page.offset == offset
    if offset == 0 and limit == 50:
        assert page.total == len(page.items)
    return [sample.position for sample in page.items]


def test_finished_rows_are_passed_over(store: SqlStore) -> None:
    lease = claimed(store, rows=6)
    run = lease.run.id
    assert store.first_open_position(run, 1) == 0
    store.write_batch(lease, together(answer(0), answer(1), answer(1, repeat=1), failed(2)))
    assert store.first_open_position(run, 1) == 3
    assert store.first_open_position(run, 2) == 0
    assert store.first_open_position(run, 2, after_position=0) == 2
    assert store.first_open_position(run, 1, after_position=5) is None


def test_a_row_holds_everything(store: SqlStore) -> None:
    lease = claimed(store, rows=examples(3, passage="It is long."), metrics=["f1"])
    reply = a_reply("Yes.", latency_seconds=0.5, request_id="id", model="m", raw={"a": [1]})
    score = Score(
        metric="f1",
        value=0.5,
        reason="half",
        version="2",
        details={"matched": ["a"]},
        cost_usd=0.25,
        usage=TokenUsage(input=5, output=1),
    )
    failure = Failure(
        metric="judge",
        kind="malformed_reply",
        message="no verdict",
        version="1",
        cost_usd=0.5,
        usage=TokenUsage(input=7, reasoning=0),
    )
    result = SampleResult(key(1), 1, "r", cost_usd=0.125, attempts=3)
    batch = WriteBatch([StoredReply("r", "c", reply, 0.125)], [result])
    store.write_batch(lease, batch)
    store.write_batch(lease, WriteBatch(scores=[SampleScores(key(1), (failure, score))]))
    sample = store.get_sample(lease.run.id, key(1))
    assert sample.key == key(1)
    assert sample.example == examples(3, passage="It is long.")[1]
    assert (sample.position, sample.state, sample.cached) == (1, "scored", False)
    assert (sample.reply, sample.reply_id) == (reply, "r")
    assert (sample.cost_usd, sample.attempts) == (0.125, 3)
    assert (sample.error_kind, sample.error_message) == (None, None)
    assert (sample.scores, sample.failures) == ((score,), (failure,))
    assert sample.answered_at is not None
    assert list(store.iterate_samples(lease.run.id)) == [sample]


def test_a_failed_row_has_its_error(store: SqlStore) -> None:
    lease = claimed(store)
    result = SampleResult(
        key(2), 2, None, attempts=6, error_kind="server", error_message="It broke."
    )
    store.write_batch(lease, WriteBatch(results=[result]))
    sample = store.get_sample(lease.run.id, key(2))
    assert (sample.state, sample.reply, sample.reply_id) == ("failed", None, None)
    assert (sample.error_kind, sample.error_message, sample.attempts) == ("server", "It broke.", 6)


def test_a_row_that_is_not_there(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, answer(0))
    for absent in (key(1), key(0, 1)):
        with pytest.raises(UnknownNameError):
            store.get_sample(lease.run.id, absent)
    with pytest.raises(UnknownNameError):
        store.list_samples("nothing", RowFilter())


def test_rows_of_other_runs_are_not_shown(store: SqlStore) -> None:
    run_id = fill(store)
    other = claimed(store, rows=ROWS)
    store.write_batch(other, together(answer(0), scored(0, 1.0, "f1"), failed(1)))
    assert store.list_samples(run_id, RowFilter()).total == 11
    assert positions(store, other.run.id, RowFilter()) == [0, 1]
    assert positions(store, other.run.id, RowFilter(metric="f1", minimum=0)) == [0]
    assert positions(store, other.run.id, RowFilter(text="question")) == [0, 1]
    assert store.count_errors(other.run.id) == {"server": 1}


@pytest.mark.parametrize(
    ("row_filter", "expected"),
    [
        (RowFilter(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (RowFilter(descending=True), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (RowFilter(state="answered"), [8]),
        (RowFilter(state="failed"), [9, 10]),
        (RowFilter(error_kind="rate_limited"), [9]),
        (RowFilter(metric="f1", minimum=0.5), [0, 2, 5, 7]),
        (RowFilter(metric="f1", maximum=0.25), [1, 4, 6]),
        (RowFilter(metric="f1", minimum=0.25, maximum=0.5), [0, 4]),
        (RowFilter(metric="f1"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (RowFilter(metric="f1", metric_failed=True), [3]),
        (RowFilter(metric="exact_match", metric_failed=True), []),
        (RowFilter(metric_failed=True), [3]),
        (RowFilter(metric="f1", sort="score"), [1, 6, 4, 0, 7, 2, 5, 3, 8, 9, 10]),
        (
            RowFilter(metric="f1", sort="score", descending=True),
            [5, 2, 7, 0, 4, 6, 1, 3, 10, 9, 8],
        ),
        (RowFilter(metric="f1", sort="score", minimum=0.5, descending=True), [5, 2, 7, 0]),
        (RowFilter(metric="f1", sort="score", state="failed"), [9, 10]),
        (RowFilter(sort="latency"), [0, 5, 1, 6, 2, 7, 3, 8, 4, 9, 10]),
        (RowFilter(sort="latency", descending=True), [4, 8, 3, 7, 2, 6, 1, 5, 0, 10, 9]),
        (RowFilter(sort="cost", state="scored"), [0, 3, 6, 1, 4, 7, 2, 5]),
        (RowFilter(text="REPLY 7"), [7]),
        (RowFilter(text="question 3?"), [3]),
        (RowFilter(text="slow"), [9]),
        (RowFilter(text="question 10", state="failed"), [10]),
        (RowFilter(text="question 10", state="scored"), []),
        (RowFilter(text="nowhere"), []),
        (RowFilter(text="reply", metric="f1", minimum=1), [2, 5]),
        (RowFilter(text="reply", metric="f1", sort="score", descending=True, state="scored"),
         [5, 2, 7, 0, 4, 6, 1, 3]),
    ],
)  # fmt: skip
def test_rows_are_filtered_and_sorted(
    store: SqlStore, row_filter: RowFilter, expected: list[int]
) -> None:
    assert positions(store, fill(store), row_filter) == expected


def test_every_way_to_sort_pages_without_gap_or_double(store: SqlStore) -> None:
    run_id = fill(store)
    sorts: Sequence[str] = ("position", "score", "latency", "cost")
    for sort, descending, text in product(sorts, (False, True), ("", "e")):
        row_filter = RowFilter(
            metric="f1", sort=sort, descending=descending, text=text  # type: ignore[arg-type]
        )  # fmt: skip
        whole = positions(store, run_id, row_filter)
        paged: list[int] = []
        for offset in range(0, 12, 3):
            page = store.list_samples(run_id, row_filter, offset=offset, limit=3)
            assert page.total == len(whole) == 11
            paged += [sample.position for sample in page.items]
        assert paged == whole
        beyond = store.list_samples(run_id, row_filter, offset=40, limit=3)
        assert (beyond.items, beyond.total) == ((), 11)


def test_a_condition_on_scores_needs_its_metric(store: SqlStore) -> None:
    run_id = fill(store)
    for wrong in (RowFilter(minimum=0), RowFilter(maximum=1), RowFilter(sort="score")):
        with pytest.raises(EvaluationError, match="needs the metric"):
            store.list_samples(run_id, wrong)


@pytest.mark.parametrize(
    "text",
    ["100%", "a_b", "back\\slash", 'say "hi"', "line\nbreak", "ÄPFEL", "STRASSE", "🦀", "x/y",
     "nested value", "1234567"],
)  # fmt: skip
def test_text_is_found_as_it_is_written_in_whatever_case(store: SqlStore, text: str) -> None:
    rows = [
        Example(id=f"e{n}", position=n, fields={"q": word})
        for n, word in enumerate(
            ["100% sure", "100 sure", "a_b", "axb", "back\\slash", "backslash", 'they say "hi"!',
             "say hi", "line\nbreak", "line break", "viele Äpfel", "viele Apfel", "Straße", "a 🦀",
             "x/y", "x y"]
        )
    ]  # fmt: skip
    rows.append(Example(id="e16", position=16, fields={"q": {"deep": ["Nested Value", 1234567]}}))
    lease = claimed(store, rows=rows)
    for n in range(17):
        store.write_batch(lease, failed(n, message="no"))
    expected = {
        "100%": 0, "a_b": 2, "back\\slash": 4, 'say "hi"': 6, "line\nbreak": 8, "ÄPFEL": 10,
        "STRASSE": 12, "🦀": 13, "x/y": 14, "nested value": 16, "1234567": 16,
    }  # fmt: skip
    assert positions(store, lease.run.id, RowFilter(text=text)) == [expected[text]]
    assert positions(store, lease.run.id, RowFilter(text=text.lower())) == [expected[text]]


def test_text_finds_values_not_the_names_of_columns(store: SqlStore) -> None:
    lease = claimed(store, rows=[Example(id="e0", position=0, fields={"column": "value"})])
    store.write_batch(lease, answer(0))
    assert positions(store, lease.run.id, RowFilter(text="column")) == []
    assert positions(store, lease.run.id, RowFilter(text="value")) == [0]


def test_text_is_found_in_a_run_over_few_rows_of_a_large_dataset(store: SqlStore) -> None:
    lease = claimed(store, rows=1000)
    store.write_batch(lease, together(answer(7, "first"), answer(700, "second"), failed(77)))
    texts = ("question 7", "question 700?", "question 8", "SECOND", "broke")
    found = {text: positions(store, lease.run.id, RowFilter(text=text)) for text in texts}
    assert found == {
        "question 7": [7, 77, 700],
        "question 700?": [700],
        "question 8": [],
        "SECOND": [700],
        "broke": [77],
    }


def test_errors_are_counted_commonest_first(store: SqlStore) -> None:
    lease = claimed(store)
    batch = together(failed(0, "b"), failed(1, "a"), failed(2, "b"), failed(3, "c"), answer(4))
    store.write_batch(lease, batch)
    assert list(store.count_errors(lease.run.id).items()) == [("b", 2), ("a", 1), ("c", 1)]


def with_repeats(store: SqlStore, rows: int, repeats: int) -> Lease:
    lease = claimed(store, rows=rows)
    order = [(n, r) for r in range(repeats) for n in reversed(range(rows))]
    store.write_batch(lease, together(*(answer(n, repeat=r) for n, r in order)))
    return lease


def test_all_rows_come_in_order_page_by_page(store: SqlStore) -> None:
    lease = with_repeats(store, 700, 2)
    found = [(s.position, s.key.repeat) for s in store.iterate_samples(lease.run.id)]
    assert found == [(n, r) for n in range(700) for r in range(2)]


def test_a_slow_reader_holds_nobody_up(store: SqlStore) -> None:
    lease = with_repeats(store, 600, 1)
    rows = store.iterate_samples(lease.run.id)
    next(rows)
    store.write_batch(lease, scored(599, 1.0))
    assert store.end_run(lease, "finished").state == "finished"
    assert sum(1 for _ in rows) == 599


def test_unscored_samples_come_by_position_with_all_their_repeats(store: SqlStore) -> None:
    lease = with_repeats(store, 6, 2)
    store.write_batch(lease, scored(1, 1.0))
    run_id = lease.run.id
    found: list[tuple[int, int]] = []
    after = -1
    while page := store.unscored_samples(run_id, ["exact_match"], after_position=after, limit=3):
        found += [(sample.position, sample.key.repeat) for sample in page]
        after = page[-1].position
    assert found == [(0, 0), (0, 1), (1, 1), *((n, r) for n in range(2, 6) for r in range(2))]
    assert len(store.unscored_samples(run_id, ["exact_match", "other"])) == 12
    assert store.unscored_samples(run_id, []) == []


def test_failed_samples_are_never_to_be_scored(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(failed(0), answer(1)))
    found = store.unscored_samples(lease.run.id, ["exact_match"])
    assert [sample.position for sample in found] == [1]
    assert found[0].reply is not None
    assert found[0].example.fields == {"question": "Question 1?"}


def test_outcomes_come_in_order_with_none_for_failures(store: SqlStore) -> None:
    run_id = fill(store)
    found = list(store.iterate_outcomes(run_id, "f1"))
    assert found == [(f"e{n}", 0, value) for n, value in enumerate(VALUES)]
    assert list(store.iterate_outcomes(run_id, "other")) == []


def test_states_tell_only_what_was_asked(store: SqlStore) -> None:
    lease = with_repeats(store, 3, 2)
    assert set(store.sample_states(lease.run.id, ["e0", "e2", "e99"])) == {
        key(0), key(0, 1), key(2), key(2, 1),
    }  # fmt: skip
    assert dict(store.sample_states(lease.run.id, [])) == {}
    many = [f"e{n}" for n in range(3000)]
    assert len(store.sample_states(lease.run.id, many)) == 6


def test_a_run_that_went_on_with_another_worker_keeps_its_rows(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, answer(0))
    store.end_run(lease, "queued")
    again = store.claim_run(a_worker("b"))
    assert again is not None
    store.write_batch(again, answer(1))
    assert positions(store, lease.run.id, RowFilter()) == [0, 1]
