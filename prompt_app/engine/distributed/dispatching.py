"""Tells Celery's workers of new work."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prompt_app.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)


class CeleryDispatcher:
    """:class:`prompt_app.interfaces.Dispatcher` over the broker of the settings. A broker that
    cannot be reached costs only time: workers look into the store when they have nothing to do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._celery: Celery | None = None

    def dispatch(self, run_id: str) -> None:
        """Raises SettingsError for a broker of an unknown kind."""
        from prompt_app.engine.distributed.broker import ADVANCE_RUN, make_celery

        if self._celery is None:
            self._celery = make_celery(self._settings)
        send(self._celery, ADVANCE_RUN, run_id)


def send(celery: Celery, task: str, *arguments: str | int) -> bool:
    """Whether the broker took the message. Not taking it is never an error: what a message would
    tell stands in the store as well."""
    try:
        celery.send_task(task, arguments, retry=False)
    except Exception as error:  # each broker's client raises errors of its own
        logger.warning("the broker took no message, workers find the work later: %s", error)
        return False
    return True
