"""The worker process: claims runs, drives each to its end, a few at a time."""

from __future__ import annotations

import asyncio
import logging

from prompt_app.datamodel.evaluation import RunSpec
from prompt_app.engine.batch import RunBatch
from prompt_app.engine.budget import Budgets
from prompt_app.engine.callers import Callers, Connect, LimiterKey
from prompt_app.engine.early_stop import savings_sentence
from prompt_app.engine.halting import Ending
from prompt_app.engine.sharing import LOOK_SECONDS, Parts
from prompt_app.engine.summary import summarize_run
from prompt_app.errors import LeaseLostError, PromptAppError, StoreUnavailableError
from prompt_app.interfaces import Lease, Store, WorkerIdentity
from prompt_app.logs import bind
from prompt_app.providers import connect
from prompt_app.providers.limiting import AdaptiveLimiter
from prompt_app.settings import Settings

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05
"""Between two looks for queued runs; a look that finds none is one small read."""


class Worker:
    """Everything that a worker's runs share: connections, limiters, budgets."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        identity: WorkerIdentity,
        connect: Connect = connect,
    ) -> None:
        self._store = store
        self._settings = settings
        self._identity = identity
        self._callers = Callers(settings, connect)
        self._budgets = Budgets(store)
        self._running: dict[asyncio.Task[None], RunBatch] = {}
        self._own: dict[str, RunSpec] = {}
        self._parts = Parts()

    async def run(
        self, stop: asyncio.Event, *, until_idle: bool = False, evaluation_id: str | None = None
    ) -> None:
        """Claim and advance runs until ``stop`` is set, or with ``until_idle`` until none is
        left (of ``evaluation_id``, where that is given).

        When stopped, calls in flight get a grace period, their replies are stored, and the runs
        are queued again for the next worker.
        """
        sharing = asyncio.create_task(self._keep_sharing())
        try:
            while not stop.is_set():
                claimed = await self._claim(evaluation_id)
                if claimed:
                    continue
                if until_idle and not self._running:
                    break
                await self._wait(stop)
        finally:
            for batch in self._running.values():
                batch.halt("queued", "Its worker was stopped.")
            await asyncio.gather(*self._running, return_exceptions=True)
            sharing.cancel()
            await self._callers.close()

    async def _claim(self, evaluation_id: str | None) -> bool:
        if len(self._running) >= self._settings.worker_runs:
            return False
        try:
            lease = await asyncio.to_thread(
                self._store.claim_run, self._identity, evaluation_id=evaluation_id
            )
        except StoreUnavailableError as error:
            logger.warning("cannot claim runs: %s", error)
            return False
        if lease is None:
            return False
        budget = await self._budgets.of(lease.run.evaluation_id)
        batch = RunBatch(self._store, lease, self._callers, budget)
        self._own[lease.run.id] = lease.run.spec
        joining_seconds = await self._share()
        task = asyncio.create_task(self._drive(lease, batch, joining_seconds))
        self._running[task] = batch
        return True

    async def _keep_sharing(self) -> None:
        """Other workers come and go; what was in flight when one came may exceed its new part."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._running:
                await self._share()

    async def _share(self) -> float:
        """Keep to this worker's part of the limits. Returns the seconds until all are free."""
        try:
            holders = await asyncio.to_thread(self._store.run_holders)
        except StoreUnavailableError as error:
            logger.warning("cannot see how many workers share a limit: %s", error)
            return 0.0
        workers: dict[LimiterKey, set[WorkerIdentity]] = {}
        for spec, holder in holders:
            for key in self._callers.limiters_of(spec):
                workers.setdefault(key, {self._identity}).add(holder)
        own: dict[LimiterKey, AdaptiveLimiter] = {}
        for spec in self._own.values():
            own.update(self._callers.limiters_of(spec))
        seconds = 0.0
        for key, limiter in own.items():
            count = len(workers.get(key, (self._identity,)))
            seconds = max(seconds, self._parts.take(key, limiter, count))
        return seconds

    async def _wait(self, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait(
            {stopping, *self._running},
            timeout=POLL_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        stopping.cancel()
        for task in [task for task in self._running if task.done()]:
            del self._running[task]

    async def _drive(self, lease: Lease, batch: RunBatch, joining_seconds: float) -> None:
        with bind(run_id=lease.run.id):
            logger.info("%s starts", lease.run.name)
            await asyncio.sleep(joining_seconds)
            ending = await ending_of(batch)
            if ending is not None:
                await self._end(lease, ending)
            self._own.pop(lease.run.id, None)

    async def _end(self, lease: Lease, ending: Ending) -> None:
        while True:
            try:
                await asyncio.to_thread(self._store_end, lease, ending)
                break
            except StoreUnavailableError as error:
                logger.warning("cannot end the run yet: %s", error)
                await asyncio.sleep(POLL_SECONDS)
            except LeaseLostError:
                return
        logger.info("%s: %s %s", lease.run.name, ending.state, ending.reason)

    def _store_end(self, lease: Lease, ending: Ending) -> None:
        run = self._store.get_run(lease.run.id)
        summary = summarize_run(self._store, run) if ending.state != "queued" else ()
        reason = ending.reason
        if reason and ending.state == "finished":
            reason = f"{reason} {savings_sentence(run)}".rstrip()
        self._store.end_run(lease, ending.state, reason=reason, summary=summary)


async def ending_of(batch: RunBatch) -> Ending | None:
    """How the batch ended; None when what it held is another worker's now."""
    try:
        return await batch.run()
    except LeaseLostError:
        logger.warning("another worker has taken the run over")
        return None
    except PromptAppError as error:
        return Ending("failed", str(error))
    except Exception as error:
        logger.exception("the run failed")
        return Ending("failed", f"A defect of this app: {type(error).__name__}: {error}")
