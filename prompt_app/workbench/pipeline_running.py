"""A pipeline's call in a thread of its own, for whoever watches it from another one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event, Lock, Thread
from typing import Any, TypeAlias

from prompt_app.datamodel.pipeline import PipelineCall, StepTrace
from prompt_app.pipelines.execution import OnStep

Start: TypeAlias = Callable[[OnStep], Coroutine[Any, Any, PipelineCall]]


class RunningCall:
    """Starts at once."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._steps: dict[int, StepTrace] = {}
        self._result: PipelineCall | BaseException | None = None
        self._ended = Event()
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[PipelineCall] | None = None
        self._is_cancelled = False
        Thread(target=self._run, name="pipeline", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether the call has ended, waiting at most so long for it."""
        return self._ended.wait(seconds)

    def steps(self) -> list[StepTrace]:
        """Those that have started, by index, as they stand now."""
        with self._lock:
            return [self._steps[index] for index in sorted(self._steps)]

    def cancel(self) -> None:
        """Stop what is in flight; does nothing after the end."""
        with self._lock:
            self._is_cancelled = True
            if self._loop is not None and self._task is not None and not self._ended.is_set():
                self._loop.call_soon_threadsafe(self._task.cancel)

    def result(self) -> PipelineCall | None:
        """The call once it has ended; None for one that was cancelled. Raises what it raised."""
        if isinstance(self._result, asyncio.CancelledError):
            return None
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._result = self._result or error
        finally:
            self._ended.set()

    async def _main(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._start(self._note))
            if self._is_cancelled:
                self._task.cancel()
        try:
            self._result = await self._task
        except (Exception, asyncio.CancelledError) as error:
            self._result = error
        # Here and not after the loop has closed: that waits for threads of custom functions.
        with self._lock:
            self._ended.set()

    def _note(self, step: StepTrace) -> None:
        with self._lock:
            self._steps[step.index] = step
