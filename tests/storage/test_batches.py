from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from storage.building import (
    a_reply,
    answer,
    claimed,
    failed,
    key,
    outcome,
    scored,
    together,
)

from prompt_app.datamodel.model import TokenUsage
from prompt_app.errors import StoreError, StoreUnavailableError
from prompt_app.interfaces import SampleResult, SampleScores, StoredReply, WriteBatch
from prompt_app.storage.store import SqlStore

ALL = [f"e{n}" for n in range(5)]


def test_counts_follow_what_is_stored(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), answer(1), failed(2)))
    store.write_batch(lease, together(scored(0, 1.0, cost=0.5), answer(3)))
    progress = store.get_run(lease.run.id).progress
    assert (progress.total, progress.excluded, progress.skipped_rows) == (5, 2, 1)
    assert (progress.answered, progress.scored, progress.failed) == (3, 1, 1)
    assert (progress.cost_usd, progress.judge_cost_usd) == (0.75, 0.5)
    assert progress.usage == TokenUsage(
        input=30, output=9, cached_input=6, cache_write=3, reasoning=3
    )
    assert dict(store.sample_states(lease.run.id, ALL)) == {
        key(0): "scored",
        key(1): "answered",
        key(2): "failed",
        key(3): "answered",
    }


def test_a_sample_and_its_scores_may_come_together(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), scored(0, 0.5), answer(1)))
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.scored) == (2, 1)
    assert store.get_sample(lease.run.id, key(0)).scores == (outcome(0.5),)


def test_the_same_batch_twice_counts_once(store: SqlStore) -> None:
    lease = claimed(store)
    batch = together(answer(0), scored(0, 1.0, cost=0.5), failed(1))
    store.write_batch(lease, batch)
    once = store.get_run(lease.run.id)
    store.write_batch(lease, batch)
    assert store.get_run(lease.run.id) == once


def test_the_same_sample_twice_in_a_batch_counts_once(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(0, "first"), answer(0, "second"), failed(0)))
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.failed) == (1, 0)
    sample = store.get_sample(lease.run.id, key(0))
    assert sample.reply is not None
    assert sample.reply.text == "first"


def test_a_second_answer_keeps_the_first_and_both_bills(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, answer(0, "first", cost=0.25))
    second = answer(0, "second", cost=0.5)
    store.write_batch(lease, second)
    sample = store.get_sample(lease.run.id, key(0))
    assert sample.reply is not None
    assert sample.reply.text == "first"
    assert store.find_replies(["cache-0"])["cache-0"].reply.text == "second"
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.cost_usd, progress.usage.input) == (1, 0.75, 20)
    store.write_batch(lease, second)
    assert store.get_run(lease.run.id).progress.cost_usd == 0.75


def test_a_failure_does_not_replace_an_answer_nor_the_reverse(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), failed(1)))
    store.write_batch(lease, together(failed(0), answer(1)))
    states = store.sample_states(lease.run.id, ALL)
    assert dict(states) == {key(0): "answered", key(1): "failed"}
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.failed) == (1, 1)


def test_a_cached_sample_costs_nothing_and_has_its_replys_latency(store: SqlStore) -> None:
    lease = claimed(store)
    batch = WriteBatch(replies=[StoredReply("r", "c", a_reply(latency_seconds=1.5), 0.25)])
    store.write_batch(lease, batch)
    hit = SampleResult(key(0), 0, "r", cached=True)
    store.write_batch(lease, WriteBatch(results=[hit]))
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.cached, progress.cost_usd) == (1, 1, 0)
    assert progress.usage == TokenUsage()
    sample = store.get_sample(lease.run.id, key(0))
    assert (sample.cached, sample.reply_id) == (True, "r")
    assert sample.reply == batch.replies[0].reply


def test_repeats_are_samples_of_their_own(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(*(answer(0, f"try {n}", repeat=n) for n in range(3))))
    assert store.get_run(lease.run.id).progress.answered == 3
    texts = [s.reply.text for s in store.iterate_samples(lease.run.id) if s.reply]
    assert texts == ["try 0", "try 1", "try 2"]


def test_outcomes_are_stored_once_each(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, answer(0))
    both = SampleScores(key(0), (outcome(1.0, cost=0.5), outcome(None, "judge", cost=0.25)))
    store.write_batch(lease, WriteBatch(scores=[both]))
    again = SampleScores(key(0), (outcome(0.0, cost=9.0), outcome(0.5, "late", cost=1.0)))
    store.write_batch(lease, WriteBatch(scores=[again]))
    sample = store.get_sample(lease.run.id, key(0))
    assert [(s.metric, s.value) for s in sample.scores] == [("exact_match", 1.0), ("late", 0.5)]
    assert sample.failures == (outcome(None, "judge", cost=0.25),)
    progress = store.get_run(lease.run.id).progress
    assert (progress.scored, progress.judge_cost_usd) == (1, 1.75)


def test_scores_of_samples_that_are_not_answered_are_left_out(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, failed(1))
    store.write_batch(lease, together(scored(0, 1.0), scored(1, 1.0)))
    assert store.get_run(lease.run.id).progress.scored == 0
    assert list(store.iterate_outcomes(lease.run.id, "exact_match")) == []


def test_a_result_without_its_reply_is_a_defect_and_stores_nothing(store: SqlStore) -> None:
    lease = claimed(store)
    batch = together(answer(0), WriteBatch(results=[SampleResult(key(1), 1, "never")]))
    with pytest.raises(StoreError, match="'never', which was never stored"):
        store.write_batch(lease, batch)
    assert dict(store.sample_states(lease.run.id, ALL)) == {}
    assert store.answered_keys(["cache-0"]) == set()


def test_a_large_batch(store: SqlStore) -> None:
    lease = claimed(store, rows=2500)
    store.write_batch(lease, together(*(answer(n) for n in range(2500))))
    store.write_batch(lease, together(*(scored(n, n / 2500, cost=0.001) for n in range(2500))))
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.scored) == (2500, 2500)
    values = [value for _, _, value in store.iterate_outcomes(lease.run.id, "exact_match")]
    assert values == [n / 2500 for n in range(2500)]


def test_an_empty_batch_is_a_sign_of_life(store: SqlStore) -> None:
    lease = claimed(store)
    before = store.get_run(lease.run.id)
    store.write_batch(lease, WriteBatch())
    assert store.get_run(lease.run.id) == before


class CommitThatBreaks:
    """Makes the next commit raise, before or after the database has done it."""

    def __init__(self, store: SqlStore, *, done: bool) -> None:
        self._dialect: Any = store._database.writer.dialect
        self._done = done
        self.broken = 0
        self._commit = self._dialect.do_commit
        self._dialect.do_commit = self._break

    def _break(self, connection: Any) -> None:
        self._dialect.do_commit = self._commit
        self.broken += 1
        if self._done:
            self._commit(connection)
        raise self._dialect.loaded_dbapi.OperationalError("server closed the connection")


@pytest.mark.parametrize("commits", [[True], [False], [True, False], [True, True], [False, True]])
def test_a_batch_whose_commits_are_in_doubt_is_stored_once(
    store: SqlStore, commits: list[bool]
) -> None:
    """``commits``: whether the database has done each of those that were lost."""
    lease = claimed(store, cap_usd=1.0)
    assert store.reserve_spend(lease, 500)
    batch = replace(together(answer(0), scored(0, 1.0)), released_nanousd=400, spent_nanousd=300)
    for done in commits:
        breaking = CommitThatBreaks(store, done=done)
        with pytest.raises(StoreUnavailableError):
            store.write_batch(lease, batch)
        assert breaking.broken == 1
    store.write_batch(lease, batch)
    evaluation = store.get_evaluation(lease.run.evaluation_id)
    assert evaluation.spent_usd == 300e-9
    store.write_batch(lease, replace(answer(1), released_nanousd=100, spent_nanousd=5))
    assert store.get_evaluation(lease.run.evaluation_id).spent_usd == 305e-9
    assert store.end_run(lease, "finished").progress.answered == 2
    assert store.get_evaluation(lease.run.evaluation_id).unconfirmed_usd == 0


def test_one_batch_is_one_transaction(store: SqlStore) -> None:
    lease = claimed(store)
    commits: list[int] = []
    event.listen(store._database.writer, "commit", lambda _: commits.append(1))
    store.write_batch(lease, together(answer(0), answer(1), scored(0, 1.0)))
    assert len(commits) == 1
