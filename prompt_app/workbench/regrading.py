"""A small sentinel set judged again: is the judge still the one that gave the scores?

A model behind a fixed name can change. The same responses, judged anew, show it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from prompt_app.datamodel.dataset import sampling_key
from prompt_app.datamodel.evaluation import Run, SampleKey
from prompt_app.datamodel.rendering import render_messages
from prompt_app.datamodel.score import Failure, MetricSpec, Score, ScoringInput
from prompt_app.engine.budget import Budget
from prompt_app.engine.callers import Callers
from prompt_app.engine.item import Caller
from prompt_app.engine.judging import caller_key
from prompt_app.engine.scoring import JudgeAnswer, Outcome, ScoringJob, ScoringPlan, judge_job
from prompt_app.engine.summary import read_clusters
from prompt_app.errors import EvaluationError, MetricError, ProviderError
from prompt_app.interfaces import Judge, Store
from prompt_app.interfaces.watching import told_of
from prompt_app.settings import Settings
from prompt_app.statistics.comparison import PairedMetric, compare
from prompt_app.statistics.verdict import PairedComparison
from prompt_app.workbench.comparing import described
from prompt_app.workbench.matching import filled_clusters
from prompt_app.workbench.unpriced import known_cost


@dataclass(frozen=True, slots=True)
class Regraded:
    """One response's stored score and its new one."""

    example_id: str
    before: float
    now: float | None
    problem: str = ""
    """Why there is no new one."""


@dataclass(frozen=True, slots=True)
class Regrading:
    """The sentinel set, judged again."""

    run_id: str
    metric: str
    rows: tuple[Regraded, ...]
    unchanged: int
    """Rows with the same score as before."""
    comparison: PairedComparison
    """New scores against stored ones; what moved is the judge."""
    cost_usd: float | None
    """None where the judge's price is not known."""


@dataclass(slots=True)
class _Asking:
    """Calls a judge anew, past every stored reply."""

    callers: dict[str, Caller]
    spent: float = field(default=0.0)

    async def ask(self, judge: Judge, sample: ScoringInput) -> JudgeAnswer:
        try:
            request = judge.request(sample)
            if isinstance(request, Score):
                return JudgeAnswer(score=request)
            caller = self.callers[caller_key(request.model, request.parameters)]
            reply = await caller.send(request)
            self.spent += caller.cost_of(reply)
            return JudgeAnswer(score=judge.verdict(sample, reply))
        except (MetricError, ProviderError) as error:
            return JudgeAnswer(error=error)


async def regrade(
    store: Store, settings: Settings, run: Run, metric: str, *, rows: int = 20, seed: int = 0
) -> Regrading:
    """Judge ``rows`` scored responses of ``run`` again, chosen by ``seed``: the same ones every
    time. Nothing is stored, and the evaluation's spend cap does not count these few calls.

    Raises EvaluationError for a metric that is not there, asks no model or has no score yet; a
    ProviderError that concerns every call (credentials, quota).
    """
    spec = next((each for each in run.spec.metrics if each.key == metric), None)
    if spec is None or not spec.panel:
        judged = ", ".join(each.key for each in run.spec.metrics if each.panel) or "none"
        raise EvaluationError(f"{run.id} has no judge {metric!r}. Its judges: {judged}.")
    before = _sentinels(store, run, metric, rows, seed)
    if not before:
        raise EvaluationError(f"{run.id} has no score of {metric!r} yet.")
    callers = Callers(settings)
    try:
        asking = _Asking(_callers_of(callers, store, run, spec))
        # One after another: each row may be several calls, and there are few.
        plan = ScoringPlan(run.spec.model_copy(update={"metrics": (spec,)}))
        each_row = told_of(before, "rows judged", len(before), every=1)
        outcomes = [await _judge_again(store, run, plan, each, asking) for each in each_row]
    finally:
        await callers.close()
    regraded = tuple(
        Regraded(
            example_id,
            value,
            outcome.value if isinstance(outcome, Score) else None,
            outcome.message if isinstance(outcome, Failure) else "",
        )
        for (example_id, value), outcome in zip(before.items(), outcomes, strict=True)
    )
    now = {each.example_id: each.now for each in regraded if each.now is not None}
    pair = PairedMetric(
        metric,
        before,
        now,
        **{**described(spec, None), "direction": "neutral"},
        clusters=filled_clusters(read_clusters(store, run.spec), before),
    )
    return Regrading(
        run_id=run.id,
        metric=metric,
        rows=regraded,
        unchanged=sum(each.now == each.before for each in regraded),
        comparison=compare([pair])[0],
        cost_usd=known_cost(asking.spent, *spec.panel),
    )


def _sentinels(store: Store, run: Run, metric: str, rows: int, seed: int) -> dict[str, float]:
    """Example id -> stored score of its first repeat."""
    scored = (
        (example, value)
        for example, repeat, value in store.iterate_outcomes(run.id, metric)
        if repeat == 0 and value is not None
    )
    return dict(heapq.nsmallest(rows, scored, key=lambda each: sampling_key(seed, each[0])))


def _callers_of(callers: Callers, store: Store, run: Run, spec: MetricSpec) -> dict[str, Caller]:
    budget = Budget(store, capped=False)
    return {
        caller_key(judge, spec.judge_parameters): callers.caller(
            judge, spec.judge_parameters, run.spec.limits, budget, lambda kind: None
        )
        for judge in spec.panel
    }


async def _judge_again(
    store: Store, run: Run, plan: ScoringPlan, example_id: str, asking: _Asking
) -> Outcome:
    sample = store.get_sample(run.id, SampleKey(example_id=example_id))
    if sample.reply is None:
        raise ValueError(f"scored sample {example_id} has no reply")
    job = ScoringJob(
        key=sample.key,
        example=sample.example,
        messages=render_messages(run.spec.prompt, sample.example.fields),
        reply=sample.reply,
        cost_usd=sample.reply_cost_usd,
        wanted=plan.keys,
    )
    (spec, panel) = plan.judges[0]
    return await judge_job(spec, panel, plan.inputs(job), asking.ask)
