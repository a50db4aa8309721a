"""What a worker process does beside runs that come over a broker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from prompt_app.engine.attention import Attention
from prompt_app.interfaces import Store
from prompt_app.settings import Settings
from prompt_app.storage.identity import this_worker
from prompt_app.workbench.rubric_working import work_on_rubric_tests

STOP_SECONDS = 15.0


class WorkBeside:
    """Tests of rubrics and fine-tuning jobs, on a thread with a loop of its own; :meth:`stop`
    gives back the test in hand."""

    def __init__(
        self, settings: Settings, open_store: Callable[[Settings], Store], attention: Attention
    ) -> None:
        self._settings = settings
        self._open_store = open_store
        self._attention = attention
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Safe to call twice, and before :meth:`start`."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    async def _work(self) -> None:
        # Not needed to begin with runs.
        from prompt_app.workbench.finetuning import follow_jobs

        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        store = await asyncio.to_thread(self._open_store, self._settings)
        given = (store, self._settings)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    work_on_rubric_tests(
                        *given, this_worker(), self._stop, attention=self._attention
                    )
                )
                group.create_task(follow_jobs(*given, self._stop, self._attention))
        finally:
            store.close()
