"""The calls of a run in ``mode: batch``: jobs are submitted, followed and collected. What they
leave unanswered is then called live, by the stage that every run has.

A job stands in the store before the provider is asked, and is asked for under a token that the
provider knows again: whoever takes the run over goes on with the jobs that there are.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from prompt_app.datamodel.model import Reply
from prompt_app.engine.backlog import Backlog, insist
from prompt_app.engine.calling import BLOCKING_ERRORS, CallStage, block
from prompt_app.engine.halting import Halt
from prompt_app.engine.item import PreparedCall, answered_entry
from prompt_app.errors import ProviderError, TransientError
from prompt_app.interfaces import Lease, Store
from prompt_app.interfaces.batch_jobs import BatchJob, BatchProvider, BatchStatus
from prompt_app.providers.batching import LEAST_REQUESTS, MOST_REQUESTS, batch_price

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

FIRST_LOOK_SECONDS = 2.0
LONGEST_LOOK_SECONDS = 60.0
CANCEL_SECONDS = 900.0  # OpenAI may take ten minutes
HALT_SECONDS = 0.25


class JobStage:
    """``told`` gets how many samples the provider has answered that are not collected yet."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        provider: BatchProvider,
        calls: CallStage,
        backlog: Backlog,
        halt: Halt,
        told: Callable[[int], None],
    ) -> None:
        self._store = store
        self._lease = lease
        self._provider = provider
        self._calls = calls
        self._backlog = backlog
        self._halt = halt
        self._told = told
        live = calls.caller
        price = None if live.price is None else batch_price(live.price)
        self._caller = replace(live, price=price)
        self._adopted: set[str] = set()  # tokens of jobs whose reservation is this lease's
        self._least = LEAST_REQUESTS.get(lease.run.spec.model.provider, 1)

    async def run(self) -> None:
        """Until every job is collected, or a halt."""
        try:
            while not await self._submit_rest():
                await self._follow(one=True)
            await self._follow()
        except BLOCKING_ERRORS as error:
            await block(self._halt, self._store, self._lease, error)
        except ProviderError as error:
            self._halt.ask("paused", f"The batch job was refused: {error}")
        finally:
            await self._provider.close()

    async def _submit_rest(self) -> bool:
        """False where the spend cap has no room for the next job before another one is done."""
        jobs = await self._jobs()
        for job in jobs:
            if self._halt:
                return True
            adopted = await self._adopt(job) if job.state != "collected" else 0
            if job.state == "new" and not await self._submit(job, adopted):
                return False
        after = max((job.last for job in jobs), default=self._lease.after_position)
        while not self._halt:
            new = await self._next_job(after)
            if new is None:
                break
            await insist(partial(self._store.save_batch_job, self._lease, new))
            if not await self._submit(new):
                return False
            after = new.last
        return True

    async def _adopt(self, job: BatchJob) -> int:
        """Take over what an earlier worker reserved for the job; once."""
        if job.token in self._adopted:
            return 0
        self._adopted.add(job.token)
        amount = self._most_of_all(await self._open_calls(job))
        if amount:
            amount = await insist(partial(self._store.readopt_spend, self._lease, amount))
            self._caller.budget.took(amount)
        return amount

    async def _next_job(self, after: int) -> BatchJob | None:
        """Rows whose samples fit into one job; None behind the last row."""
        first, last, count, position = after + 1, after, 0, after
        while count < MOST_REQUESTS:
            calls, end = await insist(partial(self._calls.prepare_page, position))
            if end is None:
                break
            count += sum(call.stored is None for call in calls)
            last = position = end
        return None if last == after else BatchJob(secrets.token_hex(8), first, last)

    async def _submit(self, job: BatchJob, reserved: int = 0) -> bool:
        """False where it must wait for another job's reservation."""
        self._adopted.add(job.token)
        calls = await self._open_calls(job, answer_stored=True)
        if len(calls) < max(1, self._least):
            # Too few for a job: they are called live.
            self._calls.give_back(reserved)
            await self._save(replace(job, state="collected"))
            return True
        amount = self._most_of_all(calls)
        if not await self._reserved(amount - reserved):
            return bool(self._halt)
        requests = [(key_of(call), call.request) for call in calls]
        try:
            provider_id = await self._patiently(lambda: self._provider.submit(job.token, requests))
        except TransientError:
            raise  # it may have arrived
        except ProviderError:
            self._calls.give_back(amount)
            raise
        await self._save(replace(job, state="submitted", provider_id=provider_id))
        logger.info("batch job %s submitted: %d requests", provider_id, len(calls))
        return True

    async def _reserved(self, amount: int) -> bool:
        """False at a halt, and where jobs of this run have to be done before there is room.
        Raises BudgetExhaustedError."""
        budget = self._caller.budget
        if await budget.try_reserve(self._lease, amount):
            return True
        if any(job.state == "submitted" for job in await self._jobs()):
            return False
        waiting = asyncio.ensure_future(budget.reserve_amount(self._lease, amount))
        while not waiting.done() and not self._halt:
            await asyncio.wait({waiting}, timeout=HALT_SECONDS)
        if waiting.done():
            return waiting.result() is None
        waiting.cancel()
        return False

    async def _follow(self, *, one: bool = False) -> None:
        """Until all jobs are collected, or ``one`` of them."""
        wait = FIRST_LOOK_SECONDS
        while open_jobs := [job for job in await self._jobs() if job.state == "submitted"]:
            if self._halt:
                await self._leave(open_jobs)
                return
            answered, is_done = 0, False
            for job in open_jobs:
                status = await self._status(job)
                if status.ended:
                    await self._collect(job)
                    wait, is_done = FIRST_LOOK_SECONDS, one
                    if status.message:
                        logger.warning("batch job %s: %s", job.provider_id, status.message)
                else:
                    answered += status.answered
            self._told(answered)
            if is_done:
                return
            await self._pause(wait)
            wait = min(1.5 * wait, LONGEST_LOOK_SECONDS)
        self._told(0)

    async def _leave(self, jobs: list[BatchJob]) -> None:
        """A run that is cancelled cancels its jobs, and keeps what they have answered; one that
        is paused or goes to another worker leaves them alone."""
        ending = self._halt.ending
        if ending is None or ending.state != "cancelled":
            return
        deadline = time.monotonic() + CANCEL_SECONDS
        wait = FIRST_LOOK_SECONDS
        asked: set[str] = set()
        while jobs and time.monotonic() < deadline:
            jobs = [job for job in jobs if not await self._ended(job, asked)]
            await asyncio.sleep(wait if jobs else 0)
            wait = min(1.5 * wait, LONGEST_LOOK_SECONDS)
        for job in jobs:
            logger.error("batch job %s did not end when it was cancelled", job.provider_id)
            await self._save(replace(job, state="collected"))

    async def _ended(self, job: BatchJob, asked: set[str]) -> bool:
        """Ask once to cancel the job; whether it is collected."""
        try:
            if job.token not in asked:
                await self._provider.cancel(job.provider_id)
                asked.add(job.token)
            if not (await self._provider.status(job.provider_id)).ended:
                return False
        except ProviderError as error:
            logger.warning("cancelling batch job %s: %s", job.provider_id, error)
            return False
        await self._collect(job)
        return True

    async def _collect(self, job: BatchJob) -> None:
        """Store and score the replies. Errors are left to the live calls."""
        calls = {key_of(call): call for call in await self._open_calls(job)}
        requests = [(key, call.request) for key, call in calls.items()]
        failed = 0
        async for key, outcome in self._provider.results(job.provider_id, requests):
            call = calls.pop(key, None)
            if call is None:
                continue
            if isinstance(outcome, Reply):
                await self._backlog.enter()
                result, entry = answered_entry(call, self._caller, outcome, self._most_of(call))
                self._calls.hand_over(call, result, outcome, entry)
            else:
                failed += 1
                self._calls.give_back(self._most_of(call))
        self._calls.give_back(self._most_of_all(list(calls.values())))
        await self._backlog.emptied()
        await self._save(replace(job, state="collected"))
        if failed or calls:
            logger.warning(
                "batch job %s: %d failed and %d were not answered; they are called live",
                job.provider_id,
                failed,
                len(calls),
            )

    async def _open_calls(
        self, job: BatchJob, *, answer_stored: bool = False
    ) -> list[PreparedCall]:
        """The calls of the job's rows that have no result; with ``answer_stored`` without those
        that stored replies answer, which are handed over."""
        calls: list[PreparedCall] = []
        position: int | None = job.first - 1
        while position is not None and position < job.last:
            page, position = await insist(partial(self._calls.prepare_page, position))
            for call in page:
                if call.item.example.position > job.last:
                    return calls
                if call.stored is not None and answer_stored:
                    await self._calls.answer_stored(call)
                else:
                    # What another run was answered meanwhile is in the job, and paid for, too.
                    calls.append(replace(call, stored=None))
        return calls

    def _most_of_all(self, calls: Sequence[PreparedCall]) -> int:
        return sum(self._most_of(call) for call in calls)

    def _most_of(self, call: PreparedCall) -> int:
        caller = self._caller
        return caller.budget.most(call.request, caller.price, caller.max_tokens)

    async def _status(self, job: BatchJob) -> BatchStatus:
        return await self._patiently(partial(self._provider.status, job.provider_id))

    async def _patiently(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Again and again while the provider cannot be reached or is overloaded."""
        wait = FIRST_LOOK_SECONDS
        while True:
            try:
                return await call()
            except TransientError as error:
                if self._halt:
                    raise
                logger.warning("the provider's batch jobs: %s", error)
                await self._pause(wait)
                wait = min(2 * wait, LONGEST_LOOK_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Shorter when the run is halted."""
        slice_seconds = min(0.25, seconds)
        for _ in range(round(seconds / slice_seconds)):
            if self._halt:
                return
            await asyncio.sleep(slice_seconds)

    async def _jobs(self) -> list[BatchJob]:
        return await insist(partial(self._store.batch_jobs, self._lease))

    async def _save(self, job: BatchJob) -> None:
        await insist(partial(self._store.save_batch_job, self._lease, job))


def key_of(call: PreparedCall) -> str:
    """Letters and digits, unique in a run, and the same whenever the run is planned again."""
    return f"p{call.item.example.position:010d}r{call.item.key.repeat:05d}"
