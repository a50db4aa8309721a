"""Lets go of a database that nobody uses: a serverless one pauses only without connections."""

from __future__ import annotations

import threading
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool


class CloseWhenIdle:
    """Closes the connections of ``engine`` when none has been used for ``seconds``. The next use
    connects anew. There is a timer only while there are connections."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._lock = threading.Lock()
        self._used = 0.0
        self._is_timed = False
        event.listen(engine, "checkin", self._note_use)

    def _note_use(self, *_: Any) -> None:
        with self._lock:
            self._used = time.monotonic()
            if not self._is_timed:
                self._set_timer(self._seconds)

    def _set_timer(self, seconds: float) -> None:
        self._is_timed = True
        timer = threading.Timer(seconds, self._look)
        timer.daemon = True
        timer.start()

    def _look(self) -> None:
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        with self._lock:
            left = self._used + self._seconds - time.monotonic()
            if left > 0 or pool.checkedout():
                self._set_timer(max(left, self._seconds / 4))
                return
            self._is_timed = False
        self._engine.dispose()
