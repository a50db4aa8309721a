"""Handing a batch job over to its provider. A call that died unanswered, and a worker that lost
its run while it waited for the answer, leave no second job behind that is paid for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from prompt_app.datamodel.model import GenerationRequest
from prompt_app.engine.backlog import insist
from prompt_app.engine.patience import Patience
from prompt_app.errors import LeaseLostError, ProviderError
from prompt_app.interfaces import Lease, Store
from prompt_app.interfaces.batch_jobs import BatchJob, BatchProvider

logger = logging.getLogger(__name__)


class Handover:
    """Of the jobs of one run or chunk."""

    def __init__(
        self, store: Store, lease: Lease, provider: BatchProvider, patience: Patience
    ) -> None:
        self._store = store
        self._lease = lease
        self._provider = provider
        self._patience = patience

    async def find(self, job: BatchJob) -> BatchJob | None:
        """A job that was asked for, as it was found at the provider and noted; or None. Raises a
        ProviderError."""
        if job.state != "asked":
            return None
        provider_id = await self._provider.find(job.token)
        return None if provider_id is None else await self._note(job, provider_id)

    async def submit(
        self, job: BatchJob, requests: Sequence[tuple[str, GenerationRequest]]
    ) -> None:
        """Raises a ProviderError; after a TransientError the store knows whether the provider may
        have taken the job."""
        place = await self._patience.call(partial(self._provider.upload, job.token, requests))
        job = replace(job, state="asked")
        await self._save(job)
        asked = False

        async def ask() -> str:
            nonlocal asked
            known = await self._provider.find(job.token) if asked else None
            asked = True
            return known or await self._ask(job.token, place)

        job = await self._note(job, await self._patience.call(ask))
        logger.info("batch job %s submitted: %d requests", job.provider_id, len(requests))

    async def _ask(self, token: str, place: str) -> str:
        asking = asyncio.ensure_future(self._provider.submit(token, place))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:  # the lease was lost meanwhile
            with suppress(ProviderError):
                await self._disown(token, await asking)
            raise

    async def _note(self, job: BatchJob, provider_id: str) -> BatchJob:
        job = replace(job, state="submitted", provider_id=provider_id)
        try:
            await self._save(job)
        except LeaseLostError:
            await self._disown(job.token, provider_id)
            raise
        return job

    async def _disown(self, token: str, provider_id: str) -> None:
        """Cancel it at the provider, unless the run's next worker has it or will look for it."""
        jobs = await insist(partial(self._store.batch_jobs, self._lease))
        for job in jobs:
            if job.token == token and (job.state == "asked" or job.provider_id == provider_id):
                return
        try:
            await self._provider.cancel(provider_id)
            logger.warning("batch job %s was submitted twice: it is cancelled", provider_id)
        except ProviderError as error:
            logger.error("batch job %s has no run, cancel it: %s", provider_id, error)

    async def _save(self, job: BatchJob) -> None:
        await insist(partial(self._store.save_batch_job, self._lease, job))
