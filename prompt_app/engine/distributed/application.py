"""The tasks, and what a worker does besides them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery, signals

from prompt_app.engine.distributed.broker import ADVANCE_RUN, WORK_CHUNK, make_celery
from prompt_app.engine.distributed.dispatching import send
from prompt_app.engine.distributed.host import EngineHost
from prompt_app.engine.distributed.sweeping import Sweeper
from prompt_app.interfaces import Store
from prompt_app.interfaces.chunks import WaitingWork
from prompt_app.settings import Settings


def make_application(settings: Settings, open_store: Callable[[Settings], Store]) -> Celery:
    """A Celery application whose workers advance runs of the settings' store. Nothing is opened
    before the first task. Raises SettingsError."""
    celery = make_celery(settings)
    host = EngineHost(settings, open_store)

    def advance_run(run_id: str) -> None:
        for ordinal in host.advance_run(run_id):
            send(celery, WORK_CHUNK, run_id, ordinal)

    def work_chunk(run_id: str, ordinal: int) -> None:
        if not host.work_chunk(run_id, ordinal):
            send(celery, WORK_CHUNK, run_id, ordinal)

    celery.task(name=ADVANCE_RUN)(advance_run)
    celery.task(name=WORK_CHUNK)(work_chunk)
    _live_with_the_worker(celery, host)
    return celery


def _live_with_the_worker(celery: Celery, host: EngineHost) -> None:
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

    sweeper = Sweeper(host.store, room, announce, reconnect)

    def begin(sender: Any = None, **_: Any) -> None:
        consumers[:] = [sender]
        sweeper.start()

    def end(**_: Any) -> None:
        sweeper.stop()
        host.stop()

    signals.worker_ready.connect(begin, weak=False)
    signals.worker_shutting_down.connect(end, weak=False)


def _lose_connection() -> None:
    """On the consumer's loop: it then connects anew, as after any lost connection."""
    raise ConnectionResetError("The broker delivers nothing.")
