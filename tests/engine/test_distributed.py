"""Brokers by address, messages that get lost, and the application that ``celery -A`` finds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from prompt_app.engine.attention import Attention
from prompt_app.engine.chunk_worker import chunk_rows
from prompt_app.engine.dispatch import StoreDispatcher, make_dispatcher
from prompt_app.engine.distributed import application, dispatching, sweeping
from prompt_app.engine.distributed.broker import ADVANCE_RUN, LOOK, make_celery
from prompt_app.engine.distributed.dispatching import CeleryDispatcher
from prompt_app.engine.distributed.sweeping import Sweeper
from prompt_app.errors import SettingsError, StoreUnavailableError
from prompt_app.interfaces.chunks import WaitingWork
from prompt_app.providers import connect
from prompt_app.settings import Settings


def settings(url: str | None) -> Settings:
    return Settings(broker_url=None if url is None else SecretStr(url), aws_region="eu-west-1")


@pytest.mark.parametrize("url", ["redis://cache:6379/1", "rediss://:word@cache:6380/0"])
def test_redis_by_its_address(url: str) -> None:
    celery = make_celery(settings(url))
    assert celery.conf.broker_url == url
    assert (celery.conf.task_acks_late, celery.conf.task_reject_on_worker_lost) == (True, True)
    assert celery.conf.accept_content == ["json"]


@pytest.mark.parametrize(
    ("url", "broker", "queue_url"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/1/runs", "sqs://", None),
        ("sqs://sqs.eu-west-1.amazonaws.com/1/runs", "sqs://",
         "https://sqs.eu-west-1.amazonaws.com/1/runs"),
        ("http://127.0.0.1:9324/1/runs", "sqs://127.0.0.1:9324", None),
    ],
)  # fmt: skip
def test_a_queue_of_sqs_by_its_address(url: str, broker: str, queue_url: str | None) -> None:
    celery = make_celery(settings(url))
    options = celery.conf.broker_transport_options
    assert (celery.conf.broker_url, celery.conf.task_default_queue) == (broker, "runs")
    assert options["predefined_queues"] == {"runs": {"url": queue_url or url}}
    assert options["is_secure"] is (not url.startswith("http://"))


@pytest.mark.parametrize("url", ["amqp://me:secret@host", "https://host", "redis"])
def test_another_broker_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="PROMPT_APP_BROKER_URL must be") as raised:
        make_celery(settings(url))
    assert "secret" not in str(raised.value)


def test_without_a_broker_the_store_is_the_queue() -> None:
    assert isinstance(make_dispatcher(settings(None)), StoreDispatcher)
    with pytest.raises(SettingsError, match="is not set"):
        make_celery(settings(None))


def test_a_broker_that_is_away_costs_no_submission(caplog: pytest.LogCaptureFixture) -> None:
    with closing(CeleryDispatcher(settings("redis://127.0.0.1:1/0"))) as dispatcher:
        dispatcher.dispatch("run")
    assert "workers find the work later" in caplog.text


def test_a_closed_dispatcher_tries_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatching, "send", lambda *_: False)
    before = set(threading.enumerate())
    dispatcher = CeleryDispatcher(settings("redis://127.0.0.1:1/0"))
    dispatcher.dispatch("first")
    (waiting,) = set(threading.enumerate()) - before
    dispatcher.close()
    waiting.join(1)
    assert not waiting.is_alive()
    dispatcher.dispatch("second")
    assert not set(threading.enumerate()) - before


def test_what_the_broker_did_not_take_is_told_again_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, is_away = list[tuple[str, ...]](), [True]

    def send(_: object, *message: str) -> bool:
        if not is_away[0]:
            told.append(message)
        return not is_away[0]

    monkeypatch.setattr(dispatching, "send", send)
    monkeypatch.setattr(dispatching, "RETRY_SECONDS", 0.02)
    dispatcher = CeleryDispatcher(settings("redis://127.0.0.1:1/0"))
    dispatcher.dispatch("first")
    dispatcher.wake()
    time.sleep(0.05)  # some attempts in vain
    assert told == []
    is_away[0] = False
    deadline = time.monotonic() + 10
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert told == [(ADVANCE_RUN, "first"), (LOOK,)]


class Glance:
    """A store with or without something unfinished."""

    def __init__(self, has_work: bool | StoreUnavailableError) -> None:
        self.has_work = has_work

    def has_unfinished_work(self) -> bool:
        if isinstance(self.has_work, StoreUnavailableError):
            raise self.has_work
        return self.has_work


@pytest.mark.parametrize(
    ("has_work", "stays"), [(True, 1), (False, 0), (StoreUnavailableError("asleep"), 1)]
)
def test_while_work_is_unfinished_one_message_of_it_stays(
    has_work: bool | StoreUnavailableError, stays: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the queue's length the number of workers is scaled."""
    sent = list[tuple[str, float]]()

    def send(_: object, task: str, in_seconds: float = 0) -> bool:
        sent.append((task, in_seconds))
        return True

    monkeypatch.setattr(application, "send", send)
    app = application.make_application(
        settings("redis://127.0.0.1:1/0"),
        lambda _: Glance(has_work),  # type: ignore[arg-type, return-value]
        lambda _: connect,
        Attention(None),
    )
    app.tasks[LOOK]()
    app.tasks[LOOK]()
    assert sent == [(LOOK, application.LOOK_AGAIN_SECONDS)] * stays


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Waiting:
    """A store where always the same work waits: of more chunks than a worker has room for."""

    def waiting_work(self, limit: int) -> list[WaitingWork]:
        return [WaitingWork("run", ordinal) for ordinal in range(3)]


def test_work_that_waits_while_there_is_room_is_announced_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, told, room, lost = Clock(), list[WaitingWork](), [1], list[float]()
    monkeypatch.setattr(sweeping, "time", clock)
    sweeper = Sweeper(
        Waiting,  # type: ignore[arg-type]
        lambda: room[0], told.append, lambda: lost.append(clock.now), Attention(None),
    )  # fmt: skip
    sweeper.sweep()
    assert told == []
    clock.now += sweeping.PATIENCE_SECONDS
    sweeper.sweep()
    sweeper.sweep()
    everything = Waiting().waiting_work(3)
    assert told == everything
    clock.now += sweeping.AGAIN_SECONDS
    room[0] = 0
    sweeper.sweep()
    assert told == everything
    assert lost == []


def test_a_worker_that_is_not_given_what_was_announced_connects_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, told, lost = Clock(), list[WaitingWork](), list[float]()
    monkeypatch.setattr(sweeping, "time", clock)
    sweeper = Sweeper(
        Waiting,  # type: ignore[arg-type]
        lambda: 1, told.append, lambda: lost.append(clock.now), Attention(None),
    )  # fmt: skip
    for _ in range(11):
        sweeper.sweep()
        clock.now += 1.0
    assert lost == [sweeping.PATIENCE_SECONDS + sweeping.AGAIN_SECONDS]
    assert told == Waiting().waiting_work(3) * 2


@pytest.mark.parametrize(("rows", "each"), [(0, 100), (3200, 100), (64_000, 2000), (10**7, 5000)])
def test_chunks_are_neither_tiny_nor_huge(rows: int, each: int) -> None:
    assert chunk_rows(rows) == each


def test_celery_finds_the_application_by_the_packages_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "prompt_app", "report"],
        env={**os.environ, "PROMPT_APP_BROKER_URL": "redis://127.0.0.1:1/0"},
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "task_acks_late: True" in done.stdout
