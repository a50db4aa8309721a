"""Drives one claimed run from wherever it stands to its end: reads pages of work, keeps calls in
flight, hands replies to the writer and, once they are stored, to scoring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from prompt_app.datamodel.evaluation import RunState
from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.rendering import render_messages
from prompt_app.engine.budget import Budget
from prompt_app.engine.callers import Callers
from prompt_app.engine.item import PreparedCall, prepare_calls, run_item
from prompt_app.engine.judging import JudgePanel
from prompt_app.engine.plan import plan_work
from prompt_app.engine.pulse import Pulse
from prompt_app.engine.scoring import LARGEST_GROUP, Outcome, ScoringJob, ScoringPlan, judge_job
from prompt_app.engine.writer import Entry, GroupWriter
from prompt_app.errors import (
    BudgetExhaustedError,
    RunBlockingError,
    StoreUnavailableError,
    UnsupportedParameterError,
)
from prompt_app.interfaces import Lease, SampleResult, SampleScores, Store, StoredSample

logger = logging.getLogger(__name__)

PAGE = 250
GRACE_SECONDS = 10.0
"""How long calls in flight may still take when a run is cancelled or its worker is stopped."""
FAILURES_IN_A_ROW = 20
"""So many samples given up one after another, none answered between: the provider is down."""
STORE_RETRY_SECONDS = 0.5

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a batch ended: the run's next state, and why."""

    state: RunState
    reason: str = ""


class Backlog:
    """Counts samples between their call and their stored scores, and bounds them: memory does
    not grow with the run, and a database that stands still stops the calls."""

    def __init__(self, limit: int) -> None:
        self._room = asyncio.Semaphore(limit)
        self._pending = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def enter(self) -> None:
        await self._room.acquire()
        self._pending += 1
        self._empty.clear()

    def leave(self) -> None:
        self._room.release()
        self._pending -= 1
        if self._pending == 0:
            self._empty.set()

    async def emptied(self) -> None:
        await self._empty.wait()


class RunBatch:
    """One claimed run in this worker."""

    def __init__(self, store: Store, lease: Lease, callers: Callers, budget: Budget) -> None:
        self._store = store
        self._lease = lease
        self._spec = lease.run.spec
        limits = self._spec.limits
        self._pulse = Pulse(store, lease, callers.limiter(self._spec.model, limits), self.halt)
        make_caller = partial(
            callers.caller, limits=limits, budget=budget, on_retry=self._pulse.count_retry
        )
        self._caller = make_caller(self._spec.model, self._spec.parameters)
        self._writer = GroupWriter(store, lease)
        self._scoring = ScoringPlan(self._spec)
        judge_callers = {
            metric.judge.reference: make_caller(metric.judge, metric.judge_parameters)
            for metric in self._spec.metrics
            if metric.judge is not None
        }
        self._judges = JudgePanel(store, lease, self._writer, judge_callers)
        self._backlog = Backlog(4 * limits.max_concurrency + 2 * LARGEST_GROUP)
        self._calls: asyncio.Queue[PreparedCall | None] = asyncio.Queue(2 * PAGE)
        self._to_score: asyncio.Queue[ScoringJob] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: Ending | None = None
        self._failures_in_a_row = 0

    def halt(self, state: RunState, reason: str = "") -> None:
        """Make no new call. Those in flight are awaited, a while only unless it is a pause."""
        if self._ending is not None:
            return
        self._ending = Ending(state, reason)
        if state != "paused":
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._abandon_calls)

    async def run(self) -> Ending:
        """Raises LeaseLostError when another worker has taken the run over."""
        writer = asyncio.create_task(self._writer.run())
        background = [
            writer,
            asyncio.create_task(self._pulse.beat()),
            asyncio.create_task(self._score_arriving()),
        ]
        work = asyncio.create_task(self._work())
        try:
            done, _ = await asyncio.wait({work, *background}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await work
            self._writer.close()
            await writer
        finally:
            leftover = [work, *background, *self._tasks]
            for task in leftover:
                task.cancel()
            await asyncio.gather(*leftover, return_exceptions=True)
        return self._ending or Ending("finished")

    async def _work(self) -> None:
        await self._score_left_over()
        if self._ending is None:
            await self._call_all()
        await self._backlog.emptied()

    # calls

    async def _call_all(self) -> None:
        reader = self._start(self._read_pages())
        concurrency = self._spec.limits.max_concurrency
        callers = [self._start(self._call_until_done()) for _ in range(concurrency)]
        await asyncio.wait(callers)
        reader.cancel()
        for task in callers:
            if not task.cancelled():
                task.result()

    async def _read_pages(self) -> None:
        position: int | None = -1
        while position is not None and self._ending is None:
            prepared, position = await self._insist(partial(self._prepare_page, position))
            for call in prepared:
                await self._calls.put(call)
        await self._calls.put(None)

    def _prepare_page(self, after: int) -> tuple[list[PreparedCall], int | None]:
        """The calls of the next page of examples, and its last position; None at the end."""
        spec, run_id = self._spec, self._lease.run.id
        examples = self._store.list_examples(
            spec.dataset_version, split=spec.split, after_position=after, limit=PAGE
        )
        if not examples:
            return [], None
        states = self._store.sample_states(run_id, [example.id for example in examples])
        items = list(plan_work(spec, examples, states))
        return prepare_calls(spec, run_id, items, self._store), examples[-1].position

    async def _call_until_done(self) -> None:
        while self._ending is None:
            prepared = await self._calls.get()
            if prepared is None:
                await self._calls.put(None)
                return
            await self._backlog.enter()
            in_hand = False
            try:
                await self._writer.available.wait()
                in_hand = self._ending is None and await self._call(prepared)
            finally:
                if not in_hand:
                    self._backlog.leave()

    async def _call(self, prepared: PreparedCall) -> bool:
        """Whether the sample has an outcome; if so it leaves the backlog when that is stored."""
        try:
            result, reply, entry = await run_item(prepared, self._caller, self._lease, self._writer)
        except (RunBlockingError, UnsupportedParameterError, BudgetExhaustedError) as error:
            await self._block(error)
            return False
        self._note(result)
        if reply is None:
            entry.stored.append(self._backlog.leave)
        else:
            job = self._job(prepared, reply, result.cost_usd)
            entry.stored.append(partial(self._to_score.put_nowait, job))
        self._writer.put(entry)
        return True

    def _job(self, prepared: PreparedCall, reply: Reply, cost_usd: float) -> ScoringJob:
        return ScoringJob(
            key=prepared.item.key,
            example=prepared.item.example,
            messages=prepared.request.messages,
            reply=reply,
            cost_usd=cost_usd,
            wanted=self._scoring.keys,
        )

    def _note(self, result: SampleResult) -> None:
        if result.error_kind is None:
            self._failures_in_a_row = 0
            self._pulse.count_answered()
            return
        self._failures_in_a_row += 1
        if self._failures_in_a_row == FAILURES_IN_A_ROW:
            self.halt(
                "paused",
                f"{FAILURES_IN_A_ROW} samples in a row failed, none was answered. "
                f"The last: {result.error_message} Resume with the failed samples to try again.",
            )

    async def _block(
        self, error: RunBlockingError | UnsupportedParameterError | BudgetExhaustedError
    ) -> None:
        self.halt("paused", str(error))
        if isinstance(error, UnsupportedParameterError):
            model = self._spec.model.reference
            await self._insist(
                partial(self._store.learn_unsupported, model, error.parameter, str(error))
            )

    def _abandon_calls(self) -> None:
        for task in self._tasks:
            task.cancel()

    # scores

    async def _score_left_over(self) -> None:
        """Score samples that were answered before, by a worker that died or a run that now has
        more metrics. Passes are repeated, as repeats of one example may straddle two pages."""
        keys = sorted(self._scoring.keys)
        found = True
        while found and self._ending is None:
            found = False
            position = -1
            while self._ending is None:
                page = await self._insist(
                    partial(self._store.unscored_samples, self._lease.run.id, keys,
                            after_position=position, limit=PAGE)
                )  # fmt: skip
                if not page:
                    break
                found = True
                for sample in page:
                    await self._backlog.enter()
                    self._to_score.put_nowait(self._stored_job(sample))
                position = page[-1].position
            await self._backlog.emptied()

    def _stored_job(self, sample: StoredSample) -> ScoringJob:
        if sample.reply is None:
            raise ValueError(f"sample {sample.key} has no reply to score")
        present = {score.metric for score in sample.scores}
        present |= {failure.metric for failure in sample.failures}
        return ScoringJob(
            key=sample.key,
            example=sample.example,
            messages=render_messages(self._spec.prompt, sample.example.fields),
            reply=sample.reply,
            cost_usd=sample.cost_usd,
            wanted=self._scoring.keys - present,
        )

    async def _score_arriving(self) -> None:
        while True:
            jobs = [await self._to_score.get()]
            while len(jobs) < LARGEST_GROUP and not self._to_score.empty():
                jobs.append(self._to_score.get_nowait())
            groups = await asyncio.to_thread(self._scoring.score_group, jobs)
            for job, outcomes in zip(jobs, groups, strict=True):
                if any(spec.key in job.wanted for spec, _ in self._scoring.judges):
                    self._start(self._judge(job, outcomes))
                else:
                    await self._put_scores(job, outcomes)

    async def _judge(self, job: ScoringJob, outcomes: list[Outcome]) -> None:
        """Unless the run is being halted: then the sample keeps its reply and is judged when the
        run is resumed."""
        if self._ending is not None:
            self._backlog.leave()
            return
        inputs = self._scoring.inputs(job)
        try:
            judged = await asyncio.gather(
                *(
                    judge_job(spec, judge, inputs, self._judges.ask)
                    for spec, judge in self._scoring.judges
                    if spec.key in job.wanted
                )
            )
        except (RunBlockingError, UnsupportedParameterError, BudgetExhaustedError) as error:
            await self._block(error)
            self._backlog.leave()
            return
        except asyncio.CancelledError:
            self._backlog.leave()
            raise
        await self._put_scores(job, [*outcomes, *judged])

    async def _put_scores(self, job: ScoringJob, outcomes: list[Outcome]) -> None:
        scores = SampleScores(key=job.key, outcomes=tuple(outcomes))
        self._writer.put(Entry(scores=scores, stored=[self._backlog.leave]))

    # helpers

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _insist(self, work: Callable[[], Result]) -> Result:
        """Do store work in a thread, again until the database can."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except StoreUnavailableError as error:
                logger.warning("waiting for the database: %s", error)
                await asyncio.sleep(STORE_RETRY_SECONDS)
