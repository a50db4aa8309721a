"""A store that nobody uses holds no connection, and tells whether anything is left to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from servers import PostgresServer
from storage.building import submit
from storage.conftest import Opener

from prompt_app.datamodel.finetuning import (
    FinetuneJob,
    FinetuneRequest,
    JobStatus,
    TrainingSource,
)
from prompt_app.datamodel.rubric_test import RubricTestOptions
from prompt_app.settings import Settings
from prompt_app.storage.identity import this_worker
from prompt_app.storage.store import SqlStore

IDLE_SECONDS = 0.3


@pytest.fixture
def sessions(postgres_server: PostgresServer, postgres_database: str) -> Callable[[], int]:
    def count() -> int:
        with postgres_server.connect() as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [postgres_database]
            ).fetchone()
            return int(found[0]) if found else 0

    return count


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_connections_that_are_not_used_are_closed(
    open_another: Opener, settings: Settings, sessions: Callable[[], int]
) -> None:
    store = open_another(idle_seconds=IDLE_SECONDS)
    for _ in range(2):  # again after it has slept
        readers = [threading.Thread(target=store.serving_revision) for _ in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert sessions() > 0
        begun = time.monotonic()
        wait_until(lambda: sessions() == 0)
        assert time.monotonic() - begun > IDLE_SECONDS / 2


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_connection_in_use_is_not_closed(
    open_another: Opener, settings: Settings, sessions: Callable[[], int]
) -> None:
    store = open_another(idle_seconds=IDLE_SECONDS)
    store.serving_revision()
    with store._database.read() as connection:
        time.sleep(4 * IDLE_SECONDS)
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    wait_until(lambda: sessions() == 0)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_without_a_limit_connections_stay(
    open_another: Opener, settings: Settings, sessions: Callable[[], int]
) -> None:
    open_another().serving_revision()
    time.sleep(2 * IDLE_SECONDS)
    assert sessions() == 1


def test_runs_are_unfinished_until_they_end(store: SqlStore) -> None:
    assert not store.has_unfinished_work()
    submit(store)
    assert store.has_unfinished_work()
    lease = store.claim_run(this_worker())
    assert lease is not None
    assert store.has_unfinished_work()
    store.end_run(lease, "paused")
    assert not store.has_unfinished_work()


def test_tests_of_rubrics_are_unfinished_until_they_end(store: SqlStore) -> None:
    store.create_rubric_test(RubricTestOptions(dataset="games", experiment="baseline"))
    assert store.has_unfinished_work()
    lease = store.claim_rubric_test(this_worker())
    assert lease is not None
    assert store.has_unfinished_work()
    store.end_rubric_test(lease, "finished", results={})
    assert not store.has_unfinished_work()


def test_fine_tuning_jobs_are_unfinished_until_they_end(store: SqlStore) -> None:
    request = FinetuneRequest(
        base_model="gpt-4o-mini", name="tuned", source=TrainingSource(dataset="questions")
    )
    job = FinetuneJob(
        id="ft-1", request=request, remote_id="r", status=JobStatus(state="running"),
        examples=10, tokens=100,
    )  # fmt: skip
    store.save_finetune_job(job)
    assert store.has_unfinished_work()
    ended = JobStatus(state="succeeded", model="m")
    store.save_finetune_job(job.model_copy(update={"status": ended}))
    assert not store.has_unfinished_work()
