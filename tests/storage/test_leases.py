from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from storage.building import NANO, a_worker, answer, claimed, submit
from storage.conftest import Opener

from prompt_app.datamodel.evaluation import Progress
from prompt_app.errors import LeaseLostError
from prompt_app.interfaces import Lease, WorkerIdentity
from prompt_app.storage import leases, this_worker, watching
from prompt_app.storage.store import SqlStore


class Clock:
    """Stands in for the monotonic clock of this process."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(leases, "time", clock)
    monkeypatch.setattr(watching, "time", clock)
    return clock


def ended_process() -> WorkerIdentity:
    """A worker of this machine whose process is gone."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    alive = this_worker()
    return WorkerIdentity(alive.host, process.pid, alive.process_started)


def test_runs_are_claimed_oldest_first_and_once(store: SqlStore) -> None:
    _, (a, b) = submit(store, runs=2)
    other, (c,) = submit(store)
    assert store.claim_run(a_worker(), evaluation_id="none") is None
    theirs = store.claim_run(a_worker(), evaluation_id=other.id)
    assert theirs is not None
    assert theirs.run.id == c.id
    taken = [store.claim_run(a_worker()) for _ in range(3)]
    assert [lease.run.id if lease else None for lease in taken] == [a.id, b.id, None]


def test_a_claim_starts_the_run(store: SqlStore) -> None:
    lease = claimed(store)
    assert (lease.run.state, lease.fence) == ("running", 1)
    assert lease.run.started_at is not None
    assert store.get_run(lease.run.id) == lease.run
    store.end_run(lease, "queued")
    again = store.claim_run(a_worker())
    assert again is not None
    assert (again.fence, again.run.started_at) == (2, lease.run.started_at)


def test_many_workers_claim_each_run_once(open_another: Opener) -> None:
    stores = [open_another() for _ in range(4)]
    _, runs = submit(stores[0], runs=12)

    def claim_all(number: int) -> list[str]:
        claimed: list[str] = []
        while lease := stores[number % 4].claim_run(a_worker(str(number))):
            claimed.append(lease.run.id)
        return claimed

    with ThreadPoolExecutor(8) as pool:
        taken = [run_id for ids in pool.map(claim_all, range(8)) for run_id in ids]
    assert sorted(taken) == sorted(run.id for run in runs)


def test_a_worker_without_a_sign_of_life_for_the_lease_loses_its_run(
    open_another: Opener, clock: Clock
) -> None:
    first, second = open_another(), open_another()
    lease = claimed(first)
    assert second.claim_run(a_worker("b")) is None
    clock.now += 14.9
    assert second.claim_run(a_worker("b")) is None
    clock.now += 0.1
    taken = second.claim_run(a_worker("b"))
    assert taken is not None
    assert (taken.run.id, taken.fence) == (lease.run.id, lease.fence + 1)


def test_a_heartbeat_or_a_batch_keeps_the_run(open_another: Opener, clock: Clock) -> None:
    first, second = open_another(), open_another()
    lease = claimed(first)
    for sign in (
        lambda: first.heartbeat(lease),
        lambda: first.write_batch(lease, answer(0)),
        lambda: first.heartbeat(lease, Progress(rate_per_second=1)),
    ):
        assert second.claim_run(a_worker("b")) is None
        clock.now += 14
        sign()
        clock.now += 14
    assert second.claim_run(a_worker("b")) is None


def test_an_observer_counts_only_the_time_it_has_watched(
    open_another: Opener, clock: Clock
) -> None:
    claimed(open_another())
    clock.now += 1_000_000
    late = open_another()
    assert late.claim_run(a_worker("b")) is None
    clock.now += 15
    assert late.claim_run(a_worker("b")) is not None


def test_a_dead_process_of_this_machine_loses_its_run_at_once(store: SqlStore) -> None:
    evaluation, _ = submit(store)
    assert store.claim_run(ended_process()) is not None
    taken = store.claim_run(this_worker())
    assert taken is not None
    assert taken.fence == 2
    assert store.claim_run(a_worker("b"), evaluation_id=evaluation.id) is None


def test_a_reused_process_id_is_no_sign_of_life(store: SqlStore) -> None:
    me = this_worker()
    submit(store)
    assert store.claim_run(WorkerIdentity(me.host, me.pid, "long ago")) is not None
    assert store.claim_run(me) is not None


def test_a_worker_of_another_machine_is_not_dead_for_its_process_id(store: SqlStore) -> None:
    gone = ended_process()
    submit(store)
    elsewhere = WorkerIdentity("another machine", gone.pid, gone.process_started)
    assert store.claim_run(elsewhere) is not None
    assert store.claim_run(this_worker()) is None


def zombie_writes(store: SqlStore, lease: Lease) -> dict[str, Any]:
    return {
        "write_batch": lambda: store.write_batch(lease, answer(0)),
        "heartbeat": lambda: store.heartbeat(lease),
        "reserve_spend": lambda: store.reserve_spend(lease, 1),
        "end_run": lambda: store.end_run(lease, "finished"),
    }


WRITES = ["write_batch", "heartbeat", "reserve_spend", "end_run"]


@pytest.mark.parametrize("write", WRITES)
def test_a_zombie_writes_nothing(store: SqlStore, clock: Clock, write: str) -> None:
    zombie = claimed(store)
    store.claim_run(a_worker("b"))
    clock.now += 15
    taken = store.claim_run(a_worker("b"))
    assert taken is not None
    before = store.get_run(zombie.run.id)
    with pytest.raises(LeaseLostError, match=zombie.run.id):
        zombie_writes(store, zombie)[write]()
    assert store.get_run(zombie.run.id) == before
    assert dict(store.sample_states(zombie.run.id, ["e0"])) == {}
    assert store.answered_keys(["cache-0"]) == set()
    zombie_writes(store, taken)[write]()


@pytest.mark.parametrize("write", WRITES)
def test_a_lease_that_was_given_back_is_lost(store: SqlStore, write: str) -> None:
    lease = claimed(store)
    store.end_run(lease, "paused")
    with pytest.raises(LeaseLostError):
        zombie_writes(store, lease)[write]()


@pytest.mark.parametrize(("request_", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_dead_workers_run_obeys_what_was_asked_of_it(
    store: SqlStore, request_: Any, state: str
) -> None:
    _, (first, second) = submit(store, runs=2, cap_usd=1.0)
    dead = store.claim_run(ended_process())
    assert dead is not None
    assert store.reserve_spend(dead, NANO // 2)
    store.request_run(first.id, request_)
    lease = store.claim_run(this_worker())
    assert lease is not None
    assert lease.run.id == second.id
    run = store.get_run(first.id)
    assert (run.state, run.requested) == (state, None)
    assert (run.ended_at is None) == (state == "paused")
    assert store.get_evaluation(run.evaluation_id).unconfirmed_usd == 0.5
    with pytest.raises(LeaseLostError):
        store.heartbeat(dead)


def test_the_live_figures_come_from_the_heartbeat_and_the_rate_ends_with_the_run(
    store: SqlStore,
) -> None:
    lease = claimed(store)
    told = Progress(total=99, answered=98, rate_per_second=2.5, concurrency=7, retries={"x": 3})
    store.heartbeat(lease, told)
    store.heartbeat(lease)
    progress = store.get_run(lease.run.id).progress
    assert (progress.total, progress.answered) == (5, 0)
    assert (progress.rate_per_second, progress.concurrency) == (2.5, 7)
    assert progress.retries == {"x": 3}
    ended = store.end_run(lease, "finished").progress
    assert (ended.rate_per_second, ended.concurrency, ended.retries) == (0, 0, {"x": 3})


def test_the_end_of_a_run_is_kept(store: SqlStore) -> None:
    from prompt_app.datamodel.score import Interval, MetricSummary

    summary = MetricSummary(
        metric="exact_match",
        mean=0.5,
        interval=Interval(lower=0.25, upper=0.75, method="wilson"),
        examples=4,
        scored=4,
        failed=0,
        skipped=1,
    )
    lease = claimed(store)
    run = store.end_run(lease, "finished", reason="all done \0", summary=[summary])
    assert (run.state, run.summary, run.reason) == ("finished", (summary,), "all done \0")
    assert run.ended_at is not None
    assert store.get_run(run.id) == run
