"""The calls of a run in ``mode: batch``: jobs are submitted, followed and collected. What they
leave unanswered is then called live, by the stage that every run has.

A job stands in the store before the provider is asked, and is asked for under a token that the
provider knows again: whoever takes the run over goes on with the jobs that there are.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from prompt_app.datamodel.model import Reply
from prompt_app.engine import patience
from prompt_app.engine.backlog import Backlog, insist
from prompt_app.engine.budget import OTHERS_SECONDS
from prompt_app.engine.calling import BLOCKING_ERRORS, CallStage, block
from prompt_app.engine.halting import Ending, Halt
from prompt_app.engine.handover import Handover
from prompt_app.engine.item import PreparedCall, answered_entry
from prompt_app.engine.patience import Patience
from prompt_app.errors import ProviderError, TransientError
from prompt_app.interfaces import Lease, Store
from prompt_app.interfaces.batch_jobs import BatchJob, BatchProvider, BatchStatus
from prompt_app.providers.batching import LEAST_REQUESTS, MOST_REQUESTS, batch_price

logger = logging.getLogger(__name__)

CANCEL_SECONDS = 900.0  # OpenAI may take ten minutes


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
        self._patience = Patience(halt)
        self._handover = Handover(store, lease, provider, self._patience)
        live = calls.caller
        price = None if live.price is None else batch_price(live.price)
        self._caller = replace(live, price=price)
        self._budget = live.budget
        self._least = LEAST_REQUESTS.get(lease.run.spec.model.provider, 1)

    async def run(self) -> None:
        """Until every job is collected, or a halt."""
        try:
            await self._submit_and_collect()
            await self._leave()
        finally:
            await self._provider.close()
        self._told(0)

    async def _submit_and_collect(self) -> None:
        try:
            for job in await self._jobs():
                self._budget.took(job.reserved_nanousd)
            await self._follow()
        except BLOCKING_ERRORS as error:
            await block(self._halt, self._store, self._lease, error)
        except ProviderError as error:
            self._halt.ask("paused", f"The batch job was refused: {error}")

    async def _follow(self) -> None:
        wait, for_others = patience.FIRST_LOOK_SECONDS, OTHERS_SECONDS
        all_submitted = False
        while not self._halt:
            if not all_submitted:
                all_submitted = await self._submit_rest(for_others)
            open_jobs = [job for job in await self._jobs() if job.state == "submitted"]
            if all_submitted and not open_jobs:
                break
            if await self._collect_ended(open_jobs):
                wait = patience.FIRST_LOOK_SECONDS
                continue
            await self._patience.pause(wait)
            for_others -= 0 if open_jobs else wait
            wait = patience.longer(wait)

    async def _submit_rest(self, for_others: float) -> bool:
        """Whether every row is in a job now; False where the spend cap has no room for the next.
        Raises BudgetExhaustedError where waiting ``for_others`` seconds for it is of no use."""
        jobs = await self._jobs()
        for job in jobs:
            if job.state in ("new", "asked") and not await self._submit(job, for_others):
                return False
        after = max((job.last for job in jobs), default=self._lease.after_position)
        while not self._halt and (new := await self._next_job(after)) is not None:
            if not await self._submit(new, for_others):
                return False
            after = new.last
        return True

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

    async def _submit(self, job: BatchJob, for_others: float) -> bool:
        """See :meth:`_submit_rest`."""
        if await self._patience.call(partial(self._handover.find, job)):
            return True
        calls = await self._open_calls(job, answer_stored=True)
        if len(calls) < max(1, self._least):
            # Too few for a job: they are called live.
            await self._let_go(replace(job, state="collected"))
            return True
        if job.reserved_nanousd == 0:
            amount = sum(self._most_of(call) for call in calls)
            if not await self._budget.try_reserve(self._lease, amount, for_others):
                return False
            job = replace(job, reserved_nanousd=amount)
            await self._save(job)
        requests = [(key_of(call), call.request) for call in calls]
        try:
            await self._handover.submit(job, requests)
        except TransientError:
            raise  # perhaps it was submitted
        except ProviderError:
            await self._let_go(replace(job, state="new"))
            raise
        return True

    async def _let_go(self, job: BatchJob) -> None:
        """Save a job that has nothing at the provider, and give back what it has reserved."""
        await self._save(replace(job, reserved_nanousd=0))
        self._budget.settled(job.reserved_nanousd)
        self._calls.give_back(job.reserved_nanousd)

    async def _collect_ended(self, open_jobs: list[BatchJob]) -> bool:
        """Whether any has ended."""
        answered, found = 0, False
        for job in open_jobs:
            status = await self._status(job)
            if status.ended:
                found = True
                await self._collect(job)
                if status.message:
                    logger.warning("batch job %s: %s", job.provider_id, status.message)
            else:
                answered += status.answered
        self._told(answered)
        return found

    async def _leave(self) -> None:
        """A run that is cancelled cancels its jobs, and keeps what they have answered; one that
        is paused or goes to another worker leaves them alone."""
        ending = self._halt.ending
        if ending is None or ending.state != "cancelled":
            return
        deadline = time.monotonic() + CANCEL_SECONDS
        wait = patience.FIRST_LOOK_SECONDS
        asked: set[tuple[str, str]] = set()
        while jobs := [job for job in await self._open_jobs() if not await self._ended(job, asked)]:
            await self._patience.pause(wait, lambda: self._halt.is_urgent)
            if self._halt.is_urgent:
                self._halt.ending = Ending("queued", ending.reason)  # the next worker waits on
                return
            if time.monotonic() > deadline:
                break
            wait = patience.longer(wait)
        for job in jobs:
            logger.error("batch job %s did not end when it was cancelled", job.provider_id)
            await self._save(replace(job, state="collected", reserved_nanousd=0))

    async def _ended(self, job: BatchJob, asked: set[tuple[str, str]]) -> bool:
        """Ask once to cancel the job; whether nothing of it is left at the provider. One that is
        not found there is looked for twice: it may be about to be made."""
        try:
            job = await self._handover.find(job) or job
            seen = (job.token, job.state)
            first_time = seen not in asked
            asked.add(seen)
            if job.state != "submitted":
                if job.state == "asked" and first_time:
                    return False
                await self._let_go(replace(job, state="new"))
                return True
            if first_time:
                await self._provider.cancel(job.provider_id)
            if not (await self._provider.status(job.provider_id)).ended:
                return False
            if await self._collect(job):
                # If the run is resumed, another job takes what this one did not come to.
                await self._save(BatchJob(secrets.token_hex(8), job.first, job.last))
        except ProviderError as error:
            logger.warning("cancelling batch job %s: %s", job.provider_id, error)
            asked.discard((job.token, job.state))
            return False
        return True

    async def _collect(self, job: BatchJob) -> int:
        """Store and score the replies. Errors are left to the live calls; how many."""
        calls = {key_of(call): call for call in await self._open_calls(job)}
        outcomes = await self._patience.call(lambda: self._outcomes(job, calls))
        # Given back with the replies: what nobody waits for any more is no hope for others.
        await self._save(replace(job, reserved_nanousd=0))
        self._budget.settled(job.reserved_nanousd)
        left = job.reserved_nanousd
        for key, reply in outcomes.items():
            call = calls.pop(key)
            released = min(left, self._most_of(call))
            left -= released
            await self._backlog.enter()
            result, entry = answered_entry(call, self._caller, reply, released)
            self._calls.hand_over(call, result, reply, entry)
        self._calls.give_back(left)
        await self._backlog.emptied()
        await self._save(replace(job, state="collected", reserved_nanousd=0))
        if calls:
            logger.warning("batch job %s: %d requests have no reply", job.provider_id, len(calls))
        return len(calls)

    async def _outcomes(self, job: BatchJob, calls: Mapping[str, PreparedCall]) -> dict[str, Reply]:
        """The replies to ``calls`` that an ended job has, by key."""
        requests = [(key, call.request) for key, call in calls.items()]
        found = self._provider.results(job.provider_id, requests)
        return {key: outcome async for key, outcome in found if isinstance(outcome, Reply)}

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

    def _most_of(self, call: PreparedCall) -> int:
        caller = self._caller
        return self._budget.most(call.request, caller.price, caller.max_tokens)

    async def _status(self, job: BatchJob) -> BatchStatus:
        return await self._patience.call(partial(self._provider.status, job.provider_id))

    async def _open_jobs(self) -> list[BatchJob]:
        """That may be at the provider, or hold a part of the spend cap."""
        jobs = await self._jobs()
        return [job for job in jobs if job.state in ("asked", "submitted") or job.reserved_nanousd]

    async def _jobs(self) -> list[BatchJob]:
        return await insist(partial(self._store.batch_jobs, self._lease))

    async def _save(self, job: BatchJob) -> None:
        await insist(partial(self._store.save_batch_job, self._lease, job))


def key_of(call: PreparedCall) -> str:
    """Letters and digits, unique in a run, and the same whenever the run is planned again."""
    return f"p{call.item.example.position:010d}r{call.item.key.repeat:05d}"
