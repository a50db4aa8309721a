"""The heartbeat of a run: shows life, reports the rate, brings back what was asked meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable

from prompt_app.datamodel.evaluation import Progress, RunState
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Lease, Store
from prompt_app.providers.limiting import AdaptiveLimiter

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
CANCELLED = "Cancelled on request."
WINDOW_BEATS = 20


class Pulse:
    """``halt(state, reason)`` is called when a person asked for a pause or a cancel."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        limiter: AdaptiveLimiter,
        halt: Callable[[RunState, str], None],
    ) -> None:
        self._store = store
        self._lease = lease
        self._limiter = limiter
        self._halt = halt
        self._answered = 0
        self._in_batch = 0
        self._retries: Counter[str] = Counter(lease.run.progress.retries)
        self._history: deque[tuple[float, int]] = deque(maxlen=WINDOW_BEATS)

    def count_answered(self) -> None:
        self._answered += 1

    def tell_in_batch(self, count: int) -> None:
        """Samples that a batch job has answered and that are not collected yet."""
        self._in_batch = count

    def count_retry(self, kind: str) -> None:
        self._retries[kind] += 1

    async def beat(self) -> None:
        """Until cancelled. Raises LeaseLostError."""
        while True:
            try:
                request = await asyncio.to_thread(
                    self._store.heartbeat, self._lease, self.progress()
                )
            except StoreUnavailableError as error:
                logger.warning("no heartbeat: %s", error)
                request = None
            if request == "pause":
                self._halt("paused", "Paused on request.")
            elif request == "cancel":
                self._halt("cancelled", CANCELLED)
            await asyncio.sleep(BEAT_SECONDS)

    def progress(self) -> Progress:
        """Rate over the last beats, the limiter's state, and attempts that failed."""
        now = time.monotonic()
        self._history.append((now, self._answered))
        then, before = self._history[0]
        rate = (self._answered - before) / (now - then) if now > then else 0.0
        return Progress(
            rate_per_second=rate,
            concurrency=self._limiter.concurrency,
            retries=dict(self._retries),
            in_batch=self._in_batch,
        )
