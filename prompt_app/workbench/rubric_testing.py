"""Tests a rubric: assesses a lesson's works with a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, Reply
from prompt_app.engine.backlog import insist
from prompt_app.engine.budget import Budget
from prompt_app.engine.callers import Callers
from prompt_app.engine.halting import GRACE_SECONDS
from prompt_app.engine.item import new_reply_id
from prompt_app.errors import (
    BudgetExhaustedError,
    ProviderError,
    RunBlockingError,
    UnsupportedParameterError,
)
from prompt_app.interfaces import Provider, Store, StoredReply
from prompt_app.providers.prices import cost_usd, price_of
from prompt_app.rubrics.code_rules import votes_by_rules
from prompt_app.rubrics.model import Assessment
from prompt_app.rubrics.prompting import (
    asked_rubric,
    blank_assessment,
    is_blank,
    is_worked_example,
)
from prompt_app.rubrics.releases import dataset_hash
from prompt_app.rubrics.results import LessonResult, ReplyProblem, Source, StudentResult
from prompt_app.rubrics.votes import ConceptVote, vote
from prompt_app.settings import Settings
from prompt_app.workbench.rubric_preparing import PreparedLesson, PreparedWork, read_outputs
from prompt_app.workbench.rubric_spending import Spending


async def assess_lesson(
    store: Store,
    settings: Settings,
    prepared: PreparedLesson,
    on_done: Callable[[StudentResult], None] = lambda _: None,
    spending: Spending | None = None,
) -> LessonResult:
    """Assess every work. A reply that cannot be read, or a call that is not answered or that the
    spend cap leaves no room for, is a problem of its work; only what concerns every call
    (credentials, quota) is raised. ``spending`` is shared by lessons that share a cap. Where it
    ends early, calls in flight get GRACE_SECONDS to be answered: their replies are kept."""
    callers = Callers(settings)
    limits = prepared.limits
    spending = spending or Spending(limits.max_cost_usd)
    budget = Budget(store, capped=False)
    parameters = InferenceParameters()
    caller = callers.caller(prepared.model, parameters, limits, budget, lambda _: None)
    turns = _Turns(limits.max_concurrency)
    tester = _Tester(
        store, prepared, caller.provider, limits.timeout_seconds, on_done, spending, turns
    )
    tasks = [asyncio.ensure_future(tester.assess(work)) for work in prepared.works]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await turns.end(tasks)
        await callers.close()
    for task in tasks:
        if not task.cancelled():
            task.result()  # raises what ended the others
    students = [task.result() for task in tasks]
    return LessonResult(
        dataset=prepared.data.dataset,
        experiment=prepared.experiment,
        model=prepared.model.reference,
        passing=prepared.passing,
        students=tuple(students),
        dataset_hash=dataset_hash(prepared.data),
    )


class _Turns:
    """At most so many works are in hand at once: their calls are made, or about to be."""

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)
        self._in_hand: set[asyncio.Task[Any] | None] = set()

    async def __aenter__(self) -> None:
        await self._places.acquire()
        self._in_hand.add(asyncio.current_task())

    async def __aexit__(self, *_: object) -> None:
        self._in_hand.discard(asyncio.current_task())
        self._places.release()

    async def end(self, tasks: list[asyncio.Task[StudentResult]]) -> None:
        """No other work has a turn, and those in hand have GRACE_SECONDS."""
        for task in tasks:
            if task not in self._in_hand:
                task.cancel()
        running = [task for task in tasks if not task.done()]
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Tester:
    store: Store
    prepared: PreparedLesson
    provider: Provider
    timeout: float
    on_done: Callable[[StudentResult], None]
    spending: Spending
    turns: _Turns

    async def assess(self, work: PreparedWork) -> StudentResult:
        result = await self._result(work)
        self.on_done(result)
        return result

    async def _result(self, work: PreparedWork) -> StudentResult:
        experiment, data = self.prepared.experiment, self.prepared.data
        base = StudentResult(
            student=work.work.student,
            file=work.work.file,
            source="rules",
            actual=data.actual.of(work.work.student),
            worked_example=is_worked_example(work.work, experiment),
        )
        if is_blank(work.shown):
            votes = vote([blank_assessment(experiment.rubric)])
            return base.model_copy(update={"source": "blank", "votes": votes})
        update: dict[str, Any] = {}
        votes_of: dict[str, ConceptVote] = votes_by_rules(work.work.text, experiment)
        if work.request is not None:
            assessments, update = await self._ask(work, work.request)
            if assessments:
                votes_of |= {each.concept: each for each in vote(assessments)}
        names = experiment.rubric.names
        update["votes"] = tuple(votes_of[name] for name in names if name in votes_of)
        return base.model_copy(update=update)

    async def _ask(
        self, work: PreparedWork, request: GenerationRequest
    ) -> tuple[list[Assessment], dict[str, Any]]:
        rubric = asked_rubric(self.prepared.experiment)
        source: Source = "model"
        cost: float | None = 0.0
        if work.stored is not None:
            reply, source = work.stored, "cache"
        else:
            try:
                async with self.turns:
                    reply, cost = await self._call(work.key, request)
            except (RunBlockingError, UnsupportedParameterError):
                raise
            except (ProviderError, BudgetExhaustedError) as error:
                problem = ReplyProblem(kind=error.kind, message=str(error))
                return [], {"source": source, "problems": (problem,)}
        assessments, problems = read_outputs(reply, rubric)
        update: dict[str, Any] = {"source": source, "problems": tuple(problems)}
        if source == "model":
            update |= {"cost_usd": cost, "usage": reply.usage}
        return assessments, update

    async def _call(self, key: str, request: GenerationRequest) -> tuple[Reply, float | None]:
        """The reply, kept under ``key``, and what it cost in dollars."""
        async with self.spending.reserved(request) as reservation:
            reply = await self.provider.generate(request, self.timeout)
            price = price_of(request.model)
            cost = None if price is None else cost_usd(price, reply.usage)
            reservation.cost_usd = cost or 0.0
        stored = StoredReply(id=new_reply_id(), cache_key=key, reply=reply, cost_usd=cost or 0.0)
        await insist(partial(self.store.save_reply, stored))
        return reply, cost
