"""How a queued run reaches a worker."""

from __future__ import annotations


class StoreDispatcher:
    """The store is the queue: workers look there by themselves."""

    def dispatch(self, run_id: str) -> None:
        """Nothing to do."""
