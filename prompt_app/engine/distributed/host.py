"""The engine inside a Celery worker: one event loop on a thread, whatever thread a task is on."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from prompt_app.engine.callers import Connect
from prompt_app.engine.chunk_worker import ChunkWorker
from prompt_app.engine.event_loop import new_event_loop
from prompt_app.interfaces import Store
from prompt_app.settings import Settings
from prompt_app.storage import this_worker

Result = TypeVar("Result")


class EngineHost:
    """Made on first use, once a process: a forked child has a loop and connections of its own."""

    def __init__(
        self,
        settings: Settings,
        open_store: Callable[[Settings], Store],
        connector: Callable[[Store], Connect],
    ) -> None:
        self._settings = settings
        self._open_store = open_store
        self._connector = connector
        self._lock = threading.Lock()
        self._pid: int | None = None
        self.tasks = 0
        """In work in this process now."""
        self._loop: asyncio.AbstractEventLoop
        self._worker: ChunkWorker
        self._store: Store

    def advance_run(self, run_id: str) -> list[int]:
        """See :meth:`ChunkWorker.advance_run`."""
        return self._do(lambda worker: worker.advance_run(run_id))

    def work_chunk(self, run_id: str, ordinal: int) -> bool:
        """See :meth:`ChunkWorker.work_chunk`."""
        return self._do(lambda worker: worker.work_chunk(run_id, ordinal))

    def store(self) -> Store:
        """This process's."""
        self._started()
        return self._store

    def stop(self) -> None:
        """Give the chunks back that this process works on."""
        with self._lock:
            if self._pid == os.getpid():
                self._loop.call_soon_threadsafe(self._worker.stop)

    def _do(self, work: Callable[[ChunkWorker], Coroutine[Any, Any, Result]]) -> Result:
        worker = self._started()
        with self._lock:
            self.tasks += 1
        try:
            return asyncio.run_coroutine_threadsafe(work(worker), self._loop).result()
        finally:
            with self._lock:
                self.tasks -= 1

    def _started(self) -> ChunkWorker:
        with self._lock:
            if self._pid != os.getpid():
                self._store = self._open_store(self._settings)
                self._loop = new_event_loop()
                connect = self._connector(self._store)
                self._worker = ChunkWorker(self._store, self._settings, this_worker(), connect)
                threading.Thread(target=self._run_loop, name="engine", daemon=True).start()
                self._pid = os.getpid()
            return self._worker

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
