"""Drives one claimed run from wherever it stands to its end: calls, storing, scoring and the
heartbeat, side by side."""

from __future__ import annotations

import asyncio
from functools import partial

from prompt_app.datamodel.evaluation import RunState
from prompt_app.engine.backlog import Backlog
from prompt_app.engine.budget import Budget
from prompt_app.engine.callers import Callers
from prompt_app.engine.calling import CallStage
from prompt_app.engine.early_stop import EarlyStop
from prompt_app.engine.halting import Ending, Halt
from prompt_app.engine.job_stage import JobStage
from prompt_app.engine.judging import JudgePanel, caller_key
from prompt_app.engine.pulse import CANCELLED, Pulse
from prompt_app.engine.scoring import LARGEST_GROUP, ScoringPlan
from prompt_app.engine.scoring_stage import ScoringStage
from prompt_app.engine.writer import GroupWriter
from prompt_app.interfaces import Lease, Store


class RunBatch:
    """One claimed run in this worker."""

    def __init__(self, store: Store, lease: Lease, callers: Callers, budget: Budget) -> None:
        spec = lease.run.spec
        limits = spec.limits
        self._lease = lease
        self._halt = Halt()
        self._budget = budget.part(self._halt)
        self._pulse = Pulse(store, lease, callers.limiter(spec.model, limits), self._halt.ask)
        make_caller = partial(
            callers.caller, limits=limits, budget=self._budget, on_retry=self._pulse.count_retry
        )
        judge_callers = {
            caller_key(judge, metric.judge_parameters): make_caller(judge, metric.judge_parameters)
            for metric in spec.metrics
            for judge in metric.panel
        }
        plan = ScoringPlan(spec)
        self._writer = GroupWriter(store, lease)
        self._backlog = Backlog(4 * limits.max_concurrency + 2 * LARGEST_GROUP)
        judges = JudgePanel(store, lease, self._writer, judge_callers)
        self._scoring = ScoringStage(
            store, lease, plan, judges, self._writer, self._backlog, self._halt
        )
        self._calls = CallStage(
            store,
            lease,
            make_caller(spec.model, spec.parameters),
            self._writer,
            self._backlog,
            self._halt,
            to_score=self._scoring.submit,
            answered=self._pulse.count_answered,
            metric_keys=plan.keys,
        )
        self._jobs = self._job_stage(store, lease, callers) if spec.mode == "batch" else None
        self._early_stop = EarlyStop(store, lease, self._halt)
        self._halt.abandon = self._abandon

    def _job_stage(self, store: Store, lease: Lease, callers: Callers) -> JobStage:
        return JobStage(
            store,
            lease,
            callers.batch_provider(lease.run.spec.model),
            self._calls,
            self._backlog,
            self._halt,
            self._pulse.tell_in_batch,
        )

    def halt(self, state: RunState, reason: str) -> None:
        """Make no new call, and end with ``state``."""
        self._halt.ask(state, reason)

    async def run(self) -> Ending:
        """Raises LeaseLostError when another worker has taken the run over."""
        if self._lease.run.requested == "cancel":
            self._halt.ask("cancelled", CANCELLED)
        writing = asyncio.create_task(self._writer.run())
        working = asyncio.create_task(self._work())
        watching = asyncio.create_task(self._early_stop.watch())
        background = [
            writing,
            asyncio.create_task(self._pulse.beat()),
            asyncio.create_task(self._scoring.run()),
        ]
        try:
            done, _ = await asyncio.wait(
                {working, *background}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            await working
            self._writer.close()
            await writing
        finally:
            self._abandon()
            for task in [working, watching, *background]:
                task.cancel()
            await asyncio.gather(working, watching, *background, return_exceptions=True)
            self._budget.close()
        return self._halt.ending or Ending("finished")

    async def _work(self) -> None:
        progress = self._lease.run.progress
        whole = self._lease.chunk is None
        if not (whole and progress.scored == progress.answered):
            await self._scoring.score_left_over()
        if whole and progress.done == progress.total and self._jobs is None:
            return await self._backlog.emptied()
        if self._jobs is not None:
            await self._jobs.run()
        if not self._halt:
            await self._calls.run()
        await self._backlog.emptied()

    def _abandon(self) -> None:
        self._calls.abandon()
        self._scoring.abandon()
