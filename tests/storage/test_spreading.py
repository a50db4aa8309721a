"""Chunks of a run: claimed, fenced and counted one by one, and one end of the run."""

from __future__ import annotations

import threading

import pytest
from storage.building import NANO, a_worker, answer, scored, submit, together
from storage.conftest import Opener
from storage.test_leases import Clock, clock, ended_process

from prompt_app.datamodel.evaluation import Progress, Run
from prompt_app.datamodel.score import MetricSummary
from prompt_app.errors import LeaseLostError
from prompt_app.interfaces import Lease
from prompt_app.interfaces.chunks import WaitingWork
from prompt_app.storage import spreading
from prompt_app.storage.store import SqlStore

__all__ = ["clock"]
PACE = "0123456789abcdef"


def spread(store: SqlStore, rows: int = 5, chunk_rows: int = 2, **submission: object) -> Run:
    _, (run,) = submit(store, rows=rows, **submission)  # type: ignore[arg-type]
    assert store.spread_run(run.id, chunk_rows, PACE) == list(range(-(-rows // chunk_rows)))
    return run


def chunk(store: SqlStore, run: Run, ordinal: int, worker: str = "a") -> Lease:
    lease = store.claim_chunk(run.id, ordinal, a_worker(worker))
    assert lease is not None
    return lease


def test_chunks_cover_the_rows_and_are_claimed_once(store: SqlStore) -> None:
    run = spread(store)
    leases = [chunk(store, run, ordinal) for ordinal in range(3)]
    spans = [(lease.chunk.first, lease.chunk.last) for lease in leases if lease.chunk]
    assert spans == [(0, 1), (2, 3), (4, 4)]
    assert store.claim_chunk(run.id, 0, a_worker("b")) is None
    assert store.claim_chunk(run.id, 9, a_worker("b")) is None
    assert store.claim_run(a_worker("b")) is None
    assert store.spread_run(run.id, 2, PACE) == []
    assert store.get_run(run.id).state == "running"


def test_counts_reach_the_run_with_the_heartbeat_and_the_end(store: SqlStore) -> None:
    run = spread(store, cap_usd=9.0)
    first, second = chunk(store, run, 0), chunk(store, run, 1, "b")
    store.write_batch(first, together(answer(0), scored(0, 1.0)))
    store.write_batch(second, answer(2))
    assert store.get_run(run.id).progress.answered == 0
    told = Progress(rate_per_second=2.0, concurrency=3, retries={"server": 1})
    store.heartbeat(first, told)
    store.heartbeat(second, told)
    store.heartbeat(second, told)
    progress = store.get_run(run.id).progress
    assert (progress.answered, progress.scored, progress.cost_usd) == (2, 1, 0.5)
    assert (progress.rate_per_second, progress.concurrency) == (4.0, 6)
    assert progress.retries == {"server": 2}
    assert progress.usage.input == 20
    store.write_batch(second, scored(2, 0.0))
    store.end_chunk(second, "finished")
    after = store.get_run(run.id).progress
    assert (after.answered, after.scored, after.concurrency) == (2, 2, 3)


def test_the_spend_of_an_uncapped_evaluation_is_told_later(store: SqlStore) -> None:
    run = spread(store)
    lease = chunk(store, run, 0)
    batch = answer(0)
    batch.spent_nanousd = NANO // 4
    store.write_batch(lease, batch)
    assert store.get_evaluation(run.evaluation_id).spent_usd == 0
    store.heartbeat(lease)
    store.heartbeat(lease)
    assert store.get_evaluation(run.evaluation_id).spent_usd == 0.25


def test_a_run_ends_once_when_all_chunks_have(store: SqlStore) -> None:
    run = spread(store)
    leases = [chunk(store, run, ordinal) for ordinal in range(3)]
    for lease in leases:
        assert store.settlement(run.id) is None
        store.end_chunk(lease, "finished")
    assert store.settlement(run.id) == "finished"
    assert store.waiting_work(5) == [WaitingWork(run.id)]
    summary = [
        MetricSummary(
            metric="exact_match", mean=0.5, interval=None, examples=2, scored=2, failed=0, skipped=3
        )
    ]
    assert store.settle_run(run.id, summary).state == "finished"
    assert store.settle_run(run.id, []).summary == tuple(summary)
    assert store.waiting_work(5) == []
    for call in (store.heartbeat, lambda it: store.write_batch(it, answer(0))):
        with pytest.raises(LeaseLostError):
            call(leases[0])


def test_a_chunk_that_finished_for_a_reason_ends_the_run(store: SqlStore) -> None:
    run = spread(store)
    leases = [chunk(store, run, 0), chunk(store, run, 1)]
    assert store.first_open_chunk(run.id) == 0
    store.end_chunk(leases[0], "finished", reason="Stopped early.")
    assert store.first_open_chunk(run.id) == 1
    assert store.claim_chunk(run.id, 2, a_worker()) is None
    assert store.heartbeat(leases[1]) == "pause"
    assert store.settlement(run.id) is None  # the second is still at work
    store.end_chunk(leases[1], "paused", reason="Paused on request.")
    ended = store.settle_run(run.id, [], note="It saved much.")
    assert (ended.state, ended.reason) == ("finished", "Stopped early. It saved much.")
    assert store.waiting_work(5) == []


def test_a_run_that_ended_in_its_own_time_needs_no_remark(store: SqlStore) -> None:
    run = spread(store)
    for ordinal in range(3):
        store.end_chunk(chunk(store, run, ordinal), "finished")
    assert store.first_open_chunk(run.id) is None
    assert store.settle_run(run.id, [], note="It saved much.").reason == ""


@pytest.mark.parametrize(("asked", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_request_reaches_every_chunk(store: SqlStore, asked: str, state: str) -> None:
    run = spread(store)
    leases = [chunk(store, run, 0), chunk(store, run, 1)]
    store.request_run(run.id, asked)  # type: ignore[arg-type]
    assert store.claim_chunk(run.id, 2, a_worker()) is None
    for lease in leases:
        assert store.heartbeat(lease) == asked
        store.end_chunk(lease, state)  # type: ignore[arg-type]
    ended = store.settle_run(run.id, [])
    assert (ended.state, ended.reason) == (state, f"{state.capitalize()} on request.")
    store.requeue_run(run.id)
    assert store.spread_run(run.id, 2, PACE) == [0, 1, 2]


def test_what_blocks_one_chunk_stops_the_others(store: SqlStore) -> None:
    run = spread(store)
    leases = [chunk(store, run, 0), chunk(store, run, 1)]
    store.end_chunk(leases[0], "paused", reason="The quota is used up.")
    assert store.heartbeat(leases[1]) == "pause"
    store.end_chunk(leases[1], "paused", reason="Paused on request.")
    ended = store.settle_run(run.id, [])
    assert (ended.state, ended.reason) == ("paused", "The quota is used up.")


def test_finished_chunks_stay_finished_unless_there_may_be_work(store: SqlStore) -> None:
    run = spread(store)
    for ordinal in (2, 1, 0):
        lease = chunk(store, run, ordinal)
        store.end_chunk(lease, "finished" if ordinal else "paused")
    store.settle_run(run.id, [])
    store.requeue_run(run.id)
    assert store.spread_run(run.id, 2, PACE) == [0]
    store.end_chunk(chunk(store, run, 0), "cancelled")
    store.settle_run(run.id, [])
    store.requeue_run(run.id, retry_failed=True)
    assert store.spread_run(run.id, 2, PACE) == [0, 1, 2]


def test_a_zombie_writes_nothing_after_a_takeover_or_a_new_start(
    store: SqlStore, open_another: Opener, clock: Clock
) -> None:
    run = spread(store, cap_usd=1.0)
    zombie = chunk(store, run, 0)
    assert store.reserve_spend(zombie, 100)
    assert store.claim_chunk(run.id, 0, a_worker("b")) is None
    assert WaitingWork(run.id, 0) not in store.waiting_work(9)
    clock.now += 15
    assert WaitingWork(run.id, 0) in store.waiting_work(9)
    assert chunk(store, run, 0, "b").fence == zombie.fence + 1
    assert store.get_evaluation(run.evaluation_id).unconfirmed_usd == pytest.approx(1e-7)
    calls = (
        lambda: store.heartbeat(zombie),
        lambda: store.write_batch(zombie, answer(0)),
        lambda: store.reserve_spend(zombie, 1),
        lambda: store.end_chunk(zombie, "finished"),
    )
    for call in calls:
        with pytest.raises(LeaseLostError):
            call()
    assert store.list_runs().items[0].progress.answered == 0


def test_a_chunk_of_a_dead_process_is_taken_at_once(store: SqlStore) -> None:
    run = spread(store)
    assert store.claim_chunk(run.id, 0, ended_process()) is not None
    chunk(store, run, 0)


def test_workers_of_one_pace_are_counted(store: SqlStore) -> None:
    run = spread(store)
    assert store.count_sharers(PACE) == 1
    chunk(store, run, 0, "a")
    chunk(store, run, 1, "a")
    assert store.count_sharers(PACE) == 1
    last = chunk(store, run, 2, "b")
    assert store.count_sharers(PACE) == 2
    assert store.count_sharers("fedcba9876543210") == 1
    store.end_chunk(last, "finished")
    assert store.count_sharers(PACE) == 1


def test_a_chunk_that_a_stopped_worker_gives_back_stops_nobody(store: SqlStore) -> None:
    run = spread(store)
    store.end_chunk(chunk(store, run, 0), "queued", reason="Its worker was stopped.")
    assert store.get_run(run.id).requested is None
    assert store.settlement(run.id) is None
    chunk(store, run, 0, "b")


def test_the_dead_take_no_part_of_a_limit(store: SqlStore, clock: Clock) -> None:
    """Neither a process that is gone nor one that is silent for its lease."""
    run = spread(store)
    assert store.claim_chunk(run.id, 0, ended_process()) is not None
    silent = chunk(store, run, 1, "a")
    alive = chunk(store, run, 2, "b")
    assert store.count_sharers(PACE) == 2
    clock.now += 15
    store.heartbeat(alive)
    assert store.count_sharers(PACE) == 1
    store.heartbeat(silent)
    assert store.count_sharers(PACE) == 2


def test_a_run_of_no_rows_ends_at_once(store: SqlStore) -> None:
    run = spread(store, rows=0)
    assert store.settlement(run.id) == "finished"


def test_a_whole_run_is_no_chunks(store: SqlStore) -> None:
    _, (run,) = submit(store)
    assert store.waiting_work(3) == [WaitingWork(run.id)]
    assert store.claim_run(a_worker()) is not None
    assert store.spread_run(run.id, 2, PACE) == []
    assert store.settlement(run.id) is None
    assert store.claim_chunk(run.id, 0, a_worker()) is None


def test_a_chunk_of_a_run_that_ends_meanwhile_is_not_claimed(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is cancelled and settled while a worker is about to take its chunk: one of them
    waits for the other."""
    run = spread(store, rows=2)
    find_chunk = spreading._this_chunk

    def cancel() -> None:
        store.request_run(run.id, "cancel")
        store.settle_run(run.id, [])

    cancelling = threading.Thread(target=cancel)

    def cancelled_meanwhile(*found: object) -> object:
        cancelling.start()
        cancelling.join(timeout=0.5)
        return find_chunk(*found)  # type: ignore[arg-type]

    monkeypatch.setattr(spreading, "_this_chunk", cancelled_meanwhile)
    lease = store.claim_chunk(run.id, 0, a_worker())
    cancelling.join()
    state = store.get_run(run.id).state
    assert (lease is None, state) in {(True, "cancelled"), (False, "running")}
