"""Advances runs that are spread over several workers, a chunk at a time. The chunk is driven by
the same code as a whole run."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from functools import partial

from prompt_app.datamodel.evaluation import Mode, Run
from prompt_app.engine.backlog import insist
from prompt_app.engine.batch import RunBatch
from prompt_app.engine.budget import Budgets
from prompt_app.engine.callers import Callers, Connect, LimiterKey
from prompt_app.engine.early_stop import savings_sentence
from prompt_app.engine.halting import Ending
from prompt_app.engine.sharing import LOOK_SECONDS, Parts
from prompt_app.engine.summary import summarize_run
from prompt_app.engine.worker import ending_of
from prompt_app.errors import LeaseLostError, StoreUnavailableError
from prompt_app.interfaces import Lease, Store, WorkerIdentity
from prompt_app.logs import bind
from prompt_app.providers import connect
from prompt_app.providers.limiting import AdaptiveLimiter
from prompt_app.settings import Settings

logger = logging.getLogger(__name__)

MOST_CHUNKS = 32
"""Of a run of ordinary size: enough to keep a few workers busy to its end."""
SMALLEST_CHUNK, LARGEST_CHUNK = 100, 5000
STOPPED = "Its worker was stopped."


def chunk_rows(rows: int, mode: Mode = "live") -> int:
    """How many rows of a dataset version make a chunk. A run by batch jobs is one: its jobs are
    few and large, and following them takes one worker."""
    if mode == "batch":
        return max(1, rows)
    return min(LARGEST_CHUNK, max(SMALLEST_CHUNK, -(-rows // MOST_CHUNKS)))


def pace_of(key: LimiterKey) -> str:
    """A word for the limiter, the same in every process."""
    return hashlib.sha256(repr(key).encode()).hexdigest()[:16]


class ChunkWorker:
    """Everything that the chunks of one process share: connections, limiters, budgets. All
    methods belong to one event loop."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        identity: WorkerIdentity,
        connect: Connect = connect,
    ) -> None:
        self._store = store
        self._identity = identity
        self._callers = Callers(settings, connect)
        self._budgets = Budgets(store)
        self._batches: set[RunBatch] = set()
        self._parts = Parts()
        self._stopped = False

    async def advance_run(self, run_id: str) -> list[int]:
        """Begin the run, or end it where nothing is left to do. Returns the chunks that wait."""
        run = await insist(partial(self._store.get_run, run_id))
        version = await insist(
            partial(self._store.get_dataset_version_by_id, run.spec.dataset_version)
        )
        pace = " ".join(sorted(pace_of(key) for key in self._callers.limiters_of(run.spec)))
        rows = chunk_rows(version.rows, run.spec.mode)
        waiting = await insist(partial(self._store.spread_run, run_id, rows, pace))
        await self._settle(run_id)
        return waiting

    async def work_chunk(self, run_id: str, ordinal: int) -> bool:
        """Do what is left of the chunk, and end the run when it was the last one. False where
        this worker was stopped before, so that another one must go on."""
        if self._stopped:
            return False
        claim = partial(self._store.claim_chunk, run_id, ordinal, self._identity)
        lease = await insist(claim)
        if lease is None:
            await self._settle(run_id)
            return True
        with bind(run_id=run_id):
            logger.info("%s: chunk %d starts", lease.run.name, ordinal)
            ending = await self._drive(lease)
            if ending is None:
                return True
            await self._end(lease, ending)
            logger.info("%s: chunk %d %s", lease.run.name, ordinal, ending.state)
        await self._settle(run_id)
        return ending.state != "queued"

    def stop(self) -> None:
        """Make no new call; chunks are given back once their calls in flight have ended."""
        self._stopped = True
        for batch in self._batches:
            batch.halt("queued", STOPPED)

    async def close(self) -> None:
        await self._callers.close()

    async def _drive(self, lease: Lease) -> Ending | None:
        budget = await self._budgets.of(lease.run.evaluation_id)
        batch = RunBatch(self._store, lease, self._callers, budget)
        if self._stopped:
            batch.halt("queued", STOPPED)
        self._batches.add(batch)
        limiters = self._callers.limiters_of(lease.run.spec)
        joining_seconds = await self._share(limiters)
        sharing = asyncio.create_task(self._keep_sharing(limiters))
        try:
            await asyncio.sleep(joining_seconds)
            return await ending_of(batch)
        finally:
            sharing.cancel()
            self._batches.discard(batch)

    async def _keep_sharing(self, limiters: dict[LimiterKey, AdaptiveLimiter]) -> None:
        """Others come and go; what they had in flight when one came may exceed its new part."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._share(limiters)

    async def _share(self, limiters: dict[LimiterKey, AdaptiveLimiter]) -> float:
        """Keep to this worker's part of the limits. Returns the seconds until it is free."""
        seconds = 0.0
        for key, limiter in limiters.items():
            try:
                workers = await asyncio.to_thread(partial(self._store.count_sharers, pace_of(key)))
                seconds = max(seconds, self._parts.take(key, limiter, workers))
            except StoreUnavailableError as error:
                logger.warning("cannot see how many workers share a limit: %s", error)
        return seconds

    async def _end(self, lease: Lease, ending: Ending) -> None:
        try:
            await insist(partial(self._store.end_chunk, lease, ending.state, reason=ending.reason))
        except LeaseLostError:
            logger.warning("another worker has taken the chunk over")

    async def _settle(self, run_id: str) -> None:
        """End the run if that was the last of it. Several workers may come to this at once: the
        store lets one of them."""
        state = await insist(partial(self._store.settlement, run_id))
        if state is not None:
            run = await insist(partial(self._settle_run, run_id))
            logger.info("%s: %s %s", run.name, run.state, run.reason)

    def _settle_run(self, run_id: str) -> Run:
        run = self._store.get_run(run_id)
        summary = summarize_run(self._store, run)
        return self._store.settle_run(run_id, summary, note=savings_sentence(run))
