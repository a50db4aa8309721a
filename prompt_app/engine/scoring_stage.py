"""The scoring of one run: stored replies in, stored scores out."""

from __future__ import annotations

import asyncio
from functools import partial

from prompt_app.datamodel.rendering import render_messages
from prompt_app.engine.backlog import Backlog, insist
from prompt_app.engine.calling import BLOCKING_ERRORS, PAGE, block
from prompt_app.engine.halting import Halt
from prompt_app.engine.judging import JudgePanel
from prompt_app.engine.scoring import LARGEST_GROUP, Outcome, ScoringJob, ScoringPlan, judge_job
from prompt_app.engine.writer import Entry, GroupWriter
from prompt_app.interfaces import Lease, SampleScores, Store, StoredSample


class ScoringStage:
    """Takes jobs by :meth:`submit`; every one of them leaves the backlog in the end."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        plan: ScoringPlan,
        judges: JudgePanel,
        writer: GroupWriter,
        backlog: Backlog,
        halt: Halt,
    ) -> None:
        self._store = store
        self._lease = lease
        self._plan = plan
        self._judges = judges
        self._writer = writer
        self._backlog = backlog
        self._halt = halt
        self._arriving: asyncio.Queue[ScoringJob] = asyncio.Queue()
        self._judging: set[asyncio.Task[None]] = set()

    def submit(self, job: ScoringJob) -> None:
        """The sample is in the backlog, its reply in the store."""
        self._arriving.put_nowait(job)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                jobs = [await self._arriving.get()]
                while len(jobs) < LARGEST_GROUP and not self._arriving.empty():
                    jobs.append(self._arriving.get_nowait())
                groups = await asyncio.to_thread(self._plan.score_group, jobs)
                for job, outcomes in zip(jobs, groups, strict=True):
                    if any(spec.key in job.wanted for spec, _ in self._plan.judges):
                        task = asyncio.create_task(self._judge(job, outcomes))
                        self._judging.add(task)
                        task.add_done_callback(self._judging.discard)
                    else:
                        self._put(job, outcomes)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Cancel the judges' calls in flight."""
        for task in self._judging:
            task.cancel()

    async def score_left_over(self) -> None:
        """Score samples that were answered before, by a worker that died or a run that now has
        more metrics. Passes are repeated, as repeats of one example may straddle two pages."""
        found = True
        while found and not self._halt:
            found = False
            position: int | None = self._lease.after_position
            while position is not None and not self._halt:
                position = await self._submit_page(position)
                found = found or position is not None
            await self._backlog.emptied()

    async def _submit_page(self, after: int) -> int | None:
        """The last position of the page; None where there is no more."""
        keys = sorted(self._plan.keys)
        page = await insist(
            partial(
                self._store.unscored_samples,
                self._lease.run.id,
                keys,
                after_position=after,
                limit=PAGE,
            )
        )
        page = [sample for sample in page if self._lease.holds(sample.position)]
        for sample in page:
            await self._backlog.enter()
            self.submit(self._job(sample))
        return page[-1].position if page else None

    def _job(self, sample: StoredSample) -> ScoringJob:
        if sample.reply is None:
            raise ValueError(f"sample {sample.key} has no reply to score")
        present = {score.metric for score in sample.scores}
        present |= {failure.metric for failure in sample.failures}
        return ScoringJob(
            key=sample.key,
            example=sample.example,
            messages=render_messages(self._lease.run.spec.prompt, sample.example.fields),
            reply=sample.reply,
            cost_usd=sample.reply_cost_usd,
            wanted=self._plan.keys - present,
        )

    async def _judge(self, job: ScoringJob, outcomes: list[Outcome]) -> None:
        """Unless the run is halted: then the sample keeps its reply, and is judged when the run
        is resumed."""
        stored = False
        try:
            judged = [] if self._halt else await self._ask(job)
            if judged:
                self._put(job, [*outcomes, *judged])
                stored = True
        except BLOCKING_ERRORS as error:
            await block(self._halt, self._store, self._lease, error)
        finally:
            if not stored:
                self._backlog.leave()

    async def _ask(self, job: ScoringJob) -> list[Outcome]:
        inputs = self._plan.inputs(job)
        return await asyncio.gather(
            *(
                judge_job(spec, panel, inputs, self._judges.ask)
                for spec, panel in self._plan.judges
                if spec.key in job.wanted
            )
        )

    def _put(self, job: ScoringJob, outcomes: list[Outcome]) -> None:
        scores = SampleScores(key=job.key, outcomes=tuple(outcomes))
        self._writer.put(Entry(scores=scores, stored=[self._backlog.leave]))
