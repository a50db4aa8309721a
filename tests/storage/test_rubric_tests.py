"""The queue of rubric tests: claims, heartbeats, takeover, cancellation, results."""

from __future__ import annotations

from dataclasses import replace

import pytest
from storage.conftest import Opener

from prompt_app.datamodel.rubric_test import RubricTestOptions, RubricTestProgress
from prompt_app.errors import LeaseLostError, UnknownNameError
from prompt_app.interfaces import WorkerIdentity
from prompt_app.storage.identity import this_worker
from prompt_app.storage.store import SqlStore

OPTIONS = RubricTestOptions(dataset="games", experiment="baseline", lessons=("L1",), workers=3)
ELSEWHERE = WorkerIdentity("another-host", 1, "1")
PROGRESS = RubricTestProgress(total=9, done=4, problems=1, cost_usd=0.5)


def test_a_test_is_kept_as_it_was_asked_for(store: SqlStore) -> None:
    made = store.create_rubric_test(OPTIONS, "Ada")
    found = store.get_rubric_test(made.id)
    assert found == made
    assert (found.options, found.state, found.created_by) == (OPTIONS, "queued", "Ada")
    assert found.created_at is not None
    with pytest.raises(UnknownNameError, match="nothing"):
        store.get_rubric_test("nothing")


def test_newest_first_by_pages_and_by_name(store: SqlStore) -> None:
    for number in range(5):
        store.create_rubric_test(OPTIONS.model_copy(update={"experiment": f"v{number}_%"}))
    page = store.list_rubric_tests(offset=1, limit=2)
    assert [test.options.experiment for test in page.items] == ["v3_%", "v2_%"]
    assert page.total == 5
    assert store.list_rubric_tests(text="V2_%").total == 1
    assert store.list_rubric_tests(text="GAMES").total == 5


def test_each_test_is_claimed_once_oldest_first(store: SqlStore, open_another: Opener) -> None:
    first, second = (store.create_rubric_test(OPTIONS) for _ in range(2))
    one, two = store.claim_rubric_test(ELSEWHERE), open_another().claim_rubric_test(this_worker())
    assert one is not None
    assert two is not None
    assert (one.test.id, two.test.id) == (first.id, second.id)
    assert one.test.state == "running"
    assert one.test.started_at is not None
    assert store.claim_rubric_test(ELSEWHERE) is None


def test_results_and_progress_are_stored_with_the_end(store: SqlStore) -> None:
    store.create_rubric_test(OPTIONS)
    lease = store.claim_rubric_test(this_worker())
    assert lease is not None
    assert not store.beat_rubric_test(lease, PROGRESS)
    assert store.get_rubric_test(lease.test.id).progress == PROGRESS
    done = store.end_rubric_test(lease, "finished", results={"L2": "{}", "L1": '{"a": 1}'})
    assert (done.state, done.lessons, done.progress) == ("finished", ("L1", "L2"), PROGRESS)
    assert done.ended_at is not None
    assert store.rubric_test_result(done.id, "L1") == '{"a": 1}'
    with pytest.raises(UnknownNameError, match="L3"):
        store.rubric_test_result(done.id, "L3")


def test_a_worker_that_stands_still_loses_its_test_and_writes_nothing(
    store: SqlStore, open_another: Opener
) -> None:
    store.create_rubric_test(OPTIONS)
    old = store.claim_rubric_test(ELSEWHERE)
    assert old is not None
    observer = open_another(lease_seconds=0.001)
    assert (
        observer.claim_rubric_test(this_worker()) is None
    )  # sees the heartbeat for the first time
    assert not store.beat_rubric_test(old, PROGRESS)
    assert observer.claim_rubric_test(this_worker()) is None  # it has moved
    new = None
    while new is None:
        new = observer.claim_rubric_test(this_worker())
    assert (new.test.id, new.fence) == (old.test.id, old.fence + 1)
    assert new.test.progress == PROGRESS
    with pytest.raises(LeaseLostError, match=old.test.id):
        store.beat_rubric_test(old, PROGRESS)
    with pytest.raises(LeaseLostError):
        store.end_rubric_test(old, "finished", results={"L1": "{}"})
    assert store.get_rubric_test(old.test.id).lessons == ()


def test_a_dead_process_of_this_machine_loses_its_test_at_once(store: SqlStore) -> None:
    store.create_rubric_test(OPTIONS)
    dead = replace(this_worker(), process_started="long ago")
    assert store.claim_rubric_test(dead) is not None
    assert store.claim_rubric_test(this_worker()) is not None


def test_a_test_is_cancelled_by_its_worker_or_at_once(store: SqlStore) -> None:
    test = store.create_rubric_test(OPTIONS)
    queued = store.create_rubric_test(OPTIONS)
    lease = store.claim_rubric_test(this_worker())
    assert lease is not None
    assert store.cancel_rubric_test(queued.id).state == "cancelled"
    assert store.cancel_rubric_test(test.id).cancelling
    assert store.beat_rubric_test(lease, PROGRESS)
    ended = store.end_rubric_test(lease, "cancelled", reason="Cancelled on request.")
    assert (ended.state, ended.cancelling) == ("cancelled", False)
    assert store.cancel_rubric_test(test.id).state == "cancelled"
    assert store.claim_rubric_test(this_worker()) is None


def test_a_test_that_is_given_back_is_claimed_again(store: SqlStore) -> None:
    store.create_rubric_test(OPTIONS)
    lease = store.claim_rubric_test(this_worker())
    assert lease is not None
    assert store.end_rubric_test(lease, "queued", reason="stopped").ended_at is None
    again = store.claim_rubric_test(ELSEWHERE)
    assert again is not None
    assert again.fence == lease.fence + 1
