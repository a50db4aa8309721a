"""Finds work that no message tells of any more: its message was lost with the broker, or with a
worker that died or froze."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from prompt_app.engine.attention import Attention
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Store
from prompt_app.interfaces.chunks import WaitingWork

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
PATIENCE_SECONDS = 2.0
"""Work that has waited for so long while this worker had room is announced again."""
AGAIN_SECONDS = 8.0
"""Work that has been announced and is not taken for so long, although this worker has room: it
does not hear the broker any more."""
MOST_ANNOUNCED = 100
"""At a time: a broker that lost its queues lost them for all workers, busy ones too."""


class Sweeper:
    """Looks into the store again and again, as only that tells a dead worker; with an idle
    process' ``attention`` only while something there is not finished. ``room`` is how many more
    tasks this worker could take now; what waits while it has none waits in the queue."""

    def __init__(
        self,
        store: Callable[[], Store],
        room: Callable[[], int],
        announce: Callable[[WaitingWork], None],
        reconnect: Callable[[], None],
        attention: Attention,
    ) -> None:
        self._store = store
        self._room = room
        self._announce = announce
        self._reconnect = reconnect
        self._attention = attention
        self._due: dict[WaitingWork, float] = {}
        self._announced: set[WaitingWork] = set()
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="sweeper", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def sweep(self) -> None:
        """One look. Raises StoreUnavailableError."""
        room = self._room()
        waiting = self._store().waiting_work(MOST_ANNOUNCED)
        now = time.monotonic()
        if room <= 0:
            self._due.clear()
            self._announced.clear()
            return
        self._due = {work: self._due.get(work, now + PATIENCE_SECONDS) for work in waiting}
        due = [work for work, moment in self._due.items() if now >= moment]
        self._announced &= self._due.keys()
        if self._announced.intersection(due):
            logger.warning("work that was announced is not delivered: connecting anew")
            self._reconnect()
        for work in due:
            self._due[work] = now + AGAIN_SECONDS
            self._announced.add(work)
            self._announce(work)

    def _run(self) -> None:
        while not self._stop.wait(SWEEP_SECONDS):
            if not self._attention.is_awake:
                continue
            self._attention.begin_look()
            try:
                self.sweep()
                if self._attention.idle_seconds is not None and self._store().has_unfinished_work():
                    self._attention.wake()
            except StoreUnavailableError as error:
                self._attention.wake()
                logger.warning("cannot look for work: %s", error)
            except Exception:
                logger.exception("looking for work failed")
