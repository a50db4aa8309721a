"""The tasks, and what a worker does besides them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from celery import Celery, signals

from prompt_app.engine.attention import Attention
from prompt_app.engine.callers import Connect
from prompt_app.engine.distributed.broker import ADVANCE_RUN, LOOK, WORK_CHUNK, make_celery
from prompt_app.engine.distributed.dispatching import send
from prompt_app.engine.distributed.host import EngineHost
from prompt_app.engine.distributed.sweeping import Sweeper
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Store
from prompt_app.interfaces.chunks import WaitingWork
from prompt_app.settings import Settings

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 60.0


def make_application(
    settings: Settings,
    open_store: Callable[[Settings], Store],
    connector: Callable[[Store], Connect],
    attention: Attention,
) -> Celery:
    """A Celery application whose workers advance runs of the settings' store; each message
    wakes ``attention``. Nothing is opened before the first task. Raises SettingsError."""
    celery = make_celery(settings)
    host = EngineHost(settings, open_store, connector)

    def advance_run(run_id: str) -> None:
        for ordinal in host.advance_run(run_id):
            send(celery, WORK_CHUNK, run_id, ordinal)

    def work_chunk(run_id: str, ordinal: int) -> None:
        if not host.work_chunk(run_id, ordinal):
            send(celery, WORK_CHUNK, run_id, ordinal)

    again = _Again()

    def look() -> None:
        if again.is_due() and _has_work(host.store()):
            send(celery, LOOK, in_seconds=LOOK_AGAIN_SECONDS)

    celery.task(name=ADVANCE_RUN, shared=False)(advance_run)
    celery.task(name=WORK_CHUNK, shared=False)(work_chunk)
    celery.task(name=LOOK, shared=False)(look)
    _live_with_the_worker(celery, host, attention)
    return celery


class _Again:
    """While other work than runs is not finished, one message about it stays in the queue, by
    whose length the number of workers may be scaled."""

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether this process has not just promised another look."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + LOOK_AGAIN_SECONDS / 2
        return True


def _has_work(store: Store) -> bool:
    try:
        return store.has_unfinished_work()
    except StoreUnavailableError:
        return True


def _live_with_the_worker(celery: Celery, host: EngineHost, attention: Attention) -> None:
    def room() -> int:
        # Of this process. Celery's own list keeps tasks whose acknowledgement was lost.
        return int(celery.conf.worker_concurrency) - host.tasks

    def announce(work: WaitingWork) -> None:
        if work.chunk is None:
            send(celery, ADVANCE_RUN, work.run_id)
        else:
            send(celery, WORK_CHUNK, work.run_id, work.chunk)

    consumers: list[Any] = []

    def reconnect() -> None:
        # After an acknowledgement that failed, Celery may listen to a dead connection for ever.
        for consumer in consumers:
            consumer.call_soon(_lose_connection)

    sweeper = Sweeper(host.store, room, announce, reconnect, attention)

    def begin(sender: Any = None, **_: Any) -> None:
        consumers[:] = [sender]
        attention.wake()  # starting may have taken longer than falling asleep does
        sweeper.start()
        logger.info("ready for work")

    def end(**_: Any) -> None:
        sweeper.stop()
        host.stop()

    def wake(**_: Any) -> None:
        attention.wake()

    signals.worker_ready.connect(begin, weak=False)
    signals.task_received.connect(wake, weak=False)
    signals.worker_shutting_down.connect(end, weak=False)


def _lose_connection() -> None:
    """On the consumer's loop: it then connects anew, as after any lost connection."""
    raise ConnectionResetError("The broker delivers nothing.")
