"""The worker's side of rubric tests: claims queued ones, one after another."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from prompt_app.engine.attention import Attention
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Store, WorkerIdentity
from prompt_app.settings import Settings

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


async def work_on_rubric_tests(
    store: Store,
    settings: Settings,
    worker: WorkerIdentity,
    stop: asyncio.Event,
    *,
    until_idle: bool = False,
    attention: Attention | None = None,
) -> None:
    """One test after another until ``stop`` is set, or with ``until_idle`` until none is left.
    With ``attention`` none is looked for while it sleeps.

    A test that is stopped or whose worker dies begins anew from its stored replies: what was
    answered is not asked again.
    """
    while not stop.is_set():
        if attention is not None and not attention.is_awake:
            await _wait(stop)
            continue
        try:
            lease = await asyncio.to_thread(store.claim_rubric_test, worker)
        except StoreUnavailableError as error:
            logger.warning("cannot claim tests of rubrics: %s", error)
            lease = None
        if lease is not None:
            # Imported with the first test: most workers have none.
            from prompt_app.workbench.rubric_job import RubricJob

            await RubricJob(store, settings, lease).run(stop)
        elif until_idle:
            return
        else:
            await _wait(stop)


async def _wait(stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), POLL_SECONDS)
