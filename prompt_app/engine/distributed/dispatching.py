"""Tells Celery's workers of new work."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from prompt_app.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0


class CeleryDispatcher:
    """:class:`prompt_app.interfaces.Dispatcher` over the broker of the settings. A broker that
    cannot be reached costs only time: this process tries again, and a worker that looks into the
    store finds the work without a message."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._celery: Celery | None = None
        self._lock = threading.Lock()
        self._untold: list[tuple[str, ...]] = []
        self._timer: threading.Timer | None = None
        self._is_closed = False

    def dispatch(self, run_id: str) -> None:
        """Raises SettingsError for a broker of an unknown kind."""
        from prompt_app.engine.distributed.broker import ADVANCE_RUN

        self._tell(ADVANCE_RUN, run_id)

    def wake(self) -> None:
        """Raises SettingsError for a broker of an unknown kind."""
        from prompt_app.engine.distributed.broker import LOOK

        self._tell(LOOK)

    def close(self) -> None:
        """No more attempts."""
        with self._lock:
            self._is_closed = True
            if self._timer is not None:
                self._timer.cancel()

    def _tell(self, *message: str) -> None:
        from prompt_app.engine.distributed.broker import make_celery

        if self._celery is None:
            self._celery = make_celery(self._settings)
        if not send(self._celery, *message):
            with self._lock:
                self._untold.append(message)
                if len(self._untold) == 1:
                    self._retry_later()

    def _retry_later(self) -> None:
        """With the lock held."""
        if self._is_closed:
            return
        self._timer = threading.Timer(RETRY_SECONDS, self._retry)
        self._timer.daemon = True
        self._timer.start()

    def _retry(self) -> None:
        assert self._celery is not None
        while True:
            with self._lock:
                if self._is_closed or not self._untold:
                    return
                message = self._untold[0]
            is_told = send(self._celery, *message)
            with self._lock:
                if not is_told:
                    self._retry_later()
                    return
                del self._untold[0]


def send(celery: Celery, task: str, *arguments: str | int, in_seconds: float = 0) -> bool:
    """Whether the broker took the message. Not taking it is never an error: what a message would
    tell stands in the store as well."""
    try:
        celery.send_task(task, arguments, retry=False, countdown=in_seconds or None)
    except Exception as error:  # each broker's client raises errors of its own
        logger.warning("the broker took no message, workers find the work later: %s", error)
        return False
    return True
