"""The spend cap: whole nano-dollars, reserved before calls and settled with their results."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from storage.building import NANO, a_worker, answer, claimed, submit
from storage.conftest import Opener
from storage.test_leases import Clock, ended_process

from prompt_app.interfaces import Lease, WriteBatch
from prompt_app.storage import leases, this_worker, watching
from prompt_app.storage.store import SqlStore


def spend(store: SqlStore, lease: Lease) -> tuple[float, float]:
    found = store.get_evaluation(lease.run.evaluation_id)
    return found.spent_usd, found.unconfirmed_usd


def test_the_cap_is_held_to_the_last_digit(store: SqlStore) -> None:
    lease = claimed(store, cap_usd=1e-7)
    assert store.reserve_spend(lease, 60)
    assert not store.reserve_spend(lease, 41)
    assert store.reserve_spend(lease, 40)
    assert not store.reserve_spend(lease, 1)
    assert store.reserve_spend(lease, 0)


def test_what_a_call_did_not_use_is_free_again(store: SqlStore) -> None:
    lease = claimed(store, cap_usd=1e-7)
    assert store.reserve_spend(lease, 100)
    store.write_batch(lease, replace(answer(0), released_nanousd=100, spent_nanousd=30))
    assert spend(store, lease) == (30e-9, 0)
    assert not store.reserve_spend(lease, 71)
    assert store.reserve_spend(lease, 70)


def test_without_a_cap_everything_is_granted_and_counted(store: SqlStore) -> None:
    lease = claimed(store)
    assert store.reserve_spend(lease, 10**15)
    store.write_batch(lease, WriteBatch(released_nanousd=10**15, spent_nanousd=2 * NANO))
    assert spend(store, lease) == (2.0, 0)


def test_the_runs_of_an_evaluation_share_its_cap(store: SqlStore) -> None:
    submit(store, runs=2, cap_usd=1e-7)
    first, second = store.claim_run(a_worker("a")), store.claim_run(a_worker("b"))
    assert first is not None
    assert second is not None
    assert store.reserve_spend(first, 60)
    assert not store.reserve_spend(second, 60)
    store.write_batch(first, WriteBatch(released_nanousd=60))
    assert store.reserve_spend(second, 60)


def test_concurrent_reservations_never_overshoot(open_another: Opener) -> None:
    stores = [open_another() for _ in range(4)]
    lease = claimed(stores[0], cap_usd=1e-6)

    def reserve(number: int) -> bool:
        return stores[number % 4].reserve_spend(lease, 30)

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(reserve, range(100)))
    assert granted == 33


def test_only_the_dead_workers_own_reservation_becomes_unconfirmed(store: SqlStore) -> None:
    submit(store, runs=2, cap_usd=1e-6)
    alive, dead = store.claim_run(this_worker()), store.claim_run(ended_process())
    assert dead is not None
    assert alive is not None
    assert store.reserve_spend(dead, 100)
    store.write_batch(dead, replace(answer(0), released_nanousd=40, spent_nanousd=25))
    assert store.reserve_spend(alive, 200)
    taken = store.claim_run(this_worker())
    assert taken is not None
    assert spend(store, taken) == (25e-9, 60e-9)
    # 25 spent, 60 unconfirmed, 200 reserved: 715 are left.
    assert not store.reserve_spend(taken, 716)
    assert store.reserve_spend(taken, 715)
    store.write_batch(alive, WriteBatch(released_nanousd=200))
    assert store.reserve_spend(taken, 200)


def test_a_release_beyond_what_is_held_frees_nobody_elses(store: SqlStore) -> None:
    submit(store, runs=2, cap_usd=1e-7)
    first, second = store.claim_run(a_worker("a")), store.claim_run(a_worker("b"))
    assert first is not None
    assert second is not None
    assert store.reserve_spend(first, 60)
    store.write_batch(second, WriteBatch(released_nanousd=60))
    assert not store.reserve_spend(second, 41)


@pytest.mark.parametrize("state", ["finished", "paused", "queued", "failed", "cancelled"])
def test_what_is_still_reserved_at_the_end_is_unconfirmed(store: SqlStore, state: str) -> None:
    lease = claimed(store, cap_usd=1e-7)
    assert store.reserve_spend(lease, 60)
    store.write_batch(lease, WriteBatch(released_nanousd=20, spent_nanousd=20))
    store.end_run(lease, state)  # type: ignore[arg-type]
    assert spend(store, lease) == (20e-9, 40e-9)


def test_a_takeover_by_silence_settles_too(
    open_another: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(leases, "time", clock)
    monkeypatch.setattr(watching, "time", clock)
    store = open_another()
    lease = claimed(store, cap_usd=1e-7)
    assert store.reserve_spend(lease, 70)
    assert store.claim_run(a_worker("b")) is None
    clock.now += 15
    assert store.claim_run(a_worker("b")) is not None
    assert spend(store, lease) == (0, 70e-9)
