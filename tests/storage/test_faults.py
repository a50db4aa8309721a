"""A database that is locked, full or gone for a while: nothing is changed, and the same call
works later."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from servers import PostgresServer
from sqlalchemy import event
from storage.building import a_worker, answer, claimed, save_dataset, scored, submit, together
from storage.conftest import Opener

from prompt_app.errors import StoreUnavailableError
from prompt_app.settings import Settings
from prompt_app.storage import engines, open_store
from prompt_app.storage.holding import held_by
from prompt_app.storage.store import SqlStore


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that are opened later wait for locks only a moment."""
    monkeypatch.setattr(engines, "LOCK_WAIT_SECONDS", 0.2)


@contextmanager
def locked(settings: Settings, server: PostgresServer | None) -> Iterator[None]:
    """Another program holds everything locked."""
    if server is None:
        other = sqlite3.connect(settings.data_dir / "prompt-app.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    name = settings.resolved_database_url.rpartition("@/")[2].partition("?")[0]
    with server.connect(name) as connection, connection.transaction():
        connection.execute("LOCK TABLE runs, evaluations, dataset_versions, prompt_versions")
        yield


@pytest.fixture
def lock(
    settings: Settings, request: pytest.FixtureRequest
) -> Callable[[], AbstractContextManager[None]]:
    remote = settings.database_url is not None
    server = request.getfixturevalue("postgres_server") if remote else None
    return lambda: locked(settings, server)


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_is_waited_for_and_then_unavailable(
    open_another: Opener, lock: Callable[[], AbstractContextManager[None]]
) -> None:
    store = open_another()
    lease = claimed(store, runs=1, cap_usd=1.0)
    submit(store)
    batch = together(answer(0), scored(0, 1.0))
    writes: list[Callable[[], Any]] = [
        lambda: store.write_batch(lease, batch),
        lambda: store.heartbeat(lease),
        lambda: store.reserve_spend(lease, 1),
        lambda: store.claim_run(a_worker("b")),
        lambda: save_dataset(store, 3),
        lambda: submit(store, key="late"),
        lambda: store.request_run(lease.run.id, "pause"),
    ]
    with lock():
        for write in writes:
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="does not answer now"):
                write()
            assert time.monotonic() - started >= 0.15
    run = store.get_run(lease.run.id)
    assert (run.progress.answered, run.requested) == (0, None)
    for write in writes:
        write()
    progress = store.get_run(lease.run.id).progress
    assert (progress.answered, progress.scored) == (1, 1)


@pytest.mark.usefixtures("impatient")
def test_a_database_that_stood_still_costs_nobody_a_lease(
    settings: Settings, lock: Callable[[], AbstractContextManager[None]]
) -> None:
    """The worker that could not show life has replies to store: they must not be lost to another
    that was only waiting for the same lock."""
    brief = settings.model_copy(update={"lease_seconds": 0.3})
    holder, other = open_store(brief), open_store(brief)
    lease = claimed(holder)
    assert other.claim_run(a_worker("b")) is None
    with lock():
        time.sleep(0.4)
        with pytest.raises(StoreUnavailableError):
            other.claim_run(a_worker("b"))
    assert other.claim_run(a_worker("b")) is None
    holder.write_batch(lease, answer(0))
    time.sleep(0.4)
    assert other.claim_run(a_worker("b")) is None  # it wrote: the lease starts anew
    time.sleep(0.4)
    assert other.claim_run(a_worker("b")) is not None
    holder.close()
    other.close()


@pytest.mark.usefixtures("impatient")
def test_sqlite_is_read_while_another_writes(sqlite_settings: Settings, tmp_path: Any) -> None:
    store = open_store(sqlite_settings)
    lease = claimed(store)
    store.write_batch(lease, answer(0))
    with locked(sqlite_settings, None):
        assert store.get_run(lease.run.id).progress.answered == 1
        assert len(list(store.iterate_samples(lease.run.id))) == 1
    store.close()


def test_a_short_lock_is_sat_out(
    open_another: Opener, lock: Callable[[], AbstractContextManager[None]]
) -> None:
    from threading import Event, Thread

    store = open_another()
    lease = claimed(store)
    held, release = Event(), Event()

    def hold() -> None:
        with lock():
            held.set()
            release.wait(10)

    holder = Thread(target=hold)
    holder.start()
    held.wait(10)
    writer = Thread(target=lambda: store.write_batch(lease, answer(0)))
    writer.start()
    writer.join(0.1)
    assert writer.is_alive()
    release.set()
    writer.join(10)
    holder.join(10)
    assert store.get_run(lease.run.id).progress.answered == 1


def test_a_full_disk_stores_nothing_and_works_again_later(sqlite_settings: Settings) -> None:
    store = open_store(sqlite_settings)
    assert isinstance(store, SqlStore)
    lease = claimed(store)
    store.write_batch(lease, answer(0))
    limit = 0

    def set_limit(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + limit}")

    engine = store._database.writer
    engine.dispose()
    event.listen(engine, "connect", set_limit)
    large = together(*(answer(n, "x" * 50_000) for n in range(1, 5)))
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            store.write_batch(lease, large)
        assert store.get_run(lease.run.id).progress.answered == 1
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        save_dataset(store, 5000, "large")
    engine.dispose()
    limit = 10_000
    store.write_batch(lease, large)
    assert store.get_run(lease.run.id).progress.answered == 5
    assert [version.name for version in store.list_datasets()] == ["data"]
    store.close()


def test_connections_that_the_server_ended_are_made_anew(
    postgres_settings: Settings, postgres_server: PostgresServer
) -> None:
    store = open_store(postgres_settings)
    lease = claimed(store)
    name = postgres_settings.resolved_database_url.rpartition("@/")[2].partition("?")[0]
    for number in range(3):
        postgres_server.end_connections(name)
        store.write_batch(lease, answer(number))
    assert store.get_run(lease.run.id).progress.answered == 3
    store.close()


def test_a_connection_that_breaks_inside_a_transaction(
    postgres_settings: Settings, postgres_server: PostgresServer
) -> None:
    store = open_store(postgres_settings)
    assert isinstance(store, SqlStore)
    lease = claimed(store, rows=2000)
    name = postgres_settings.resolved_database_url.rpartition("@/")[2].partition("?")[0]
    batch = together(*(answer(n) for n in range(3)))
    insert_samples = store._insert_samples

    def cut(*given: Any) -> None:
        insert_samples(*given)
        postgres_server.end_connections(name)

    store._insert_samples = cut  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailableError):
        store.write_batch(lease, batch)
    store._insert_samples = insert_samples  # type: ignore[method-assign]
    assert store.get_run(lease.run.id).progress.answered == 0
    store.write_batch(lease, batch)
    assert store.get_run(lease.run.id).progress.answered == 3
    store.close()


def test_a_process_frozen_while_it_writes_holds_others_up_no_longer_than_a_moment(
    postgres_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nobody can end its transaction."""
    monkeypatch.setattr(engines, "LET_GO_SECONDS", 0.3)
    store, other = open_store(postgres_settings), open_store(postgres_settings)
    assert isinstance(store, SqlStore)
    database = store._database
    lease = claimed(store)

    def write_and_freeze() -> None:
        with database.write() as connection:
            held_by(connection, lease)
            other.write_batch(lease, together(answer(0), scored(0, 1.0)))
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnavailableError, match="idle-in-transaction"):
        write_and_freeze()
    assert store.get_run(lease.run.id).progress.scored == 1
    store.close()
    other.close()
