"""How a queued run reaches a worker."""

from __future__ import annotations

from prompt_app.interfaces import Dispatcher
from prompt_app.settings import Settings


class StoreDispatcher:
    """The store is the queue: workers look there by themselves."""

    def dispatch(self, run_id: str) -> None:
        """Nothing to do."""

    def wake(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def make_dispatcher(settings: Settings) -> Dispatcher:
    """Over the broker of the settings, where they name one."""
    if settings.broker_url is None:
        return StoreDispatcher()
    from prompt_app.engine.distributed.dispatching import CeleryDispatcher

    return CeleryDispatcher(settings)
