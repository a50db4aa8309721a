"""Scores stored replies. Metrics run in a thread, a group of samples at a time, so that the
event loop stays free for calls; judges are calls themselves."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from typing_extensions import TypeIs

from prompt_app.datamodel.dataset import Example, field_value, reference_values
from prompt_app.datamodel.evaluation import RunSpec, SampleKey
from prompt_app.datamodel.model import Reply, TokenUsage
from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.score import Failure, MetricInfo, MetricSpec, Score, ScoringInput
from prompt_app.errors import BudgetExhaustedError, MetricError, PromptAppError, RunBlockingError
from prompt_app.interfaces import Judge, Metric
from prompt_app.metrics import create_judges, create_metric
from prompt_app.metrics.votes import tally
from prompt_app.providers.prices import cost_usd, price_of

LARGEST_GROUP = 64


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """An answered sample that lacks outcomes for the metrics in ``wanted`` (keys)."""

    key: SampleKey
    example: Example
    messages: tuple[Message, ...]
    reply: Reply
    cost_usd: float
    """Of the call that the reply came from; 0 where the price is unknown."""
    wanted: frozenset[str]


Outcome = Score | Failure
AskJudge = Callable[[Judge, ScoringInput], "Awaitable[JudgeAnswer]"]


@dataclass(slots=True)
class JudgeAnswer:
    """A judge's score or the error in its place, and what its calls took."""

    score: Score | None = None
    error: PromptAppError | None = None
    cost_usd: float = 0.0
    usage: TokenUsage = field(default_factory=TokenUsage)


class ScoringPlan:
    """The metrics of a run, made once."""

    def __init__(self, spec: RunSpec) -> None:
        self._reference_field = spec.reference_field
        self._price = price_of(spec.model)
        self.metrics: list[tuple[MetricSpec, Metric]] = []
        self.judges: list[tuple[MetricSpec, tuple[Judge, ...]]] = []
        for metric_spec in spec.metrics:
            metric = create_metric(metric_spec)
            if is_judge(metric):
                self.judges.append((metric_spec, create_judges(metric_spec)))
            else:
                self.metrics.append((metric_spec, metric))

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(spec.key for spec, _ in [*self.metrics, *self.judges])

    def inputs(self, job: ScoringJob) -> list[ScoringInput]:
        """One for each response of the reply."""
        try:
            references = reference_values(field_value(job.example.fields, self._reference_field))
        except KeyError:
            references = ()
        cost = self._cost(job)
        return [
            ScoringInput(
                text=output.text,
                references=references,
                fields=job.example.fields,
                messages=job.messages,
                reply=job.reply,
                cost_usd=cost,
            )
            for output in job.reply.outputs
        ]

    def _cost(self, job: ScoringJob) -> float | None:
        """What was paid; by today's price where the model had none when it was called."""
        if job.cost_usd or self._price is None:
            return job.cost_usd or job.reply.cost_usd
        return cost_usd(self._price, job.reply.usage)

    def score_group(self, jobs: Sequence[ScoringJob]) -> list[list[Outcome]]:
        """The outcomes of all metrics that need no model, for each job."""
        return [self._score_one(job) for job in jobs]

    def _score_one(self, job: ScoringJob) -> list[Outcome]:
        inputs = self.inputs(job)
        return [
            _outcome(spec.key, metric, inputs)
            for spec, metric in self.metrics
            if spec.key in job.wanted
        ]


def is_judge(metric: Metric | Judge) -> TypeIs[Judge]:
    """Whether it asks a model."""
    return hasattr(metric, "verdict")


def _outcome(key: str, metric: Metric, inputs: Sequence[ScoringInput]) -> Outcome:
    if metric.info.needs_reference and not inputs[0].references:
        return no_reference(key, metric.info)
    try:
        scores = [metric.score(sample) for sample in inputs]
    except MetricError as error:
        return failure(key, metric.info, error)
    except (Exception, SystemExit) as error:  # a metric's defect costs its own score, never the run
        return Failure(
            metric=key,
            kind="metric_defect",
            message=f"{metric.info.name} {metric.info.version} broke: {type(error).__name__}: "
            f"{error}"[:500],
            version=metric.info.version,
        )
    return averaged(key, scores)


def averaged(key: str, scores: Sequence[Score]) -> Score:
    """Several responses to one call count as one sample: their mean, with the first's reason."""
    first = scores[0]
    if len(scores) == 1:
        return first.model_copy(update={"metric": key})
    values = [score.value for score in scores]
    return first.model_copy(
        update={
            "metric": key,
            "value": statistics.fmean(values),
            "details": {**first.details, "responses": values},
        }
    )


def no_reference(key: str, info: MetricInfo) -> Failure:
    return Failure(
        metric=key,
        kind="no_reference",
        message="This row has no reference answer to compare with.",
        version=info.version,
    )


def failure(
    key: str,
    info: MetricInfo,
    error: PromptAppError,
    cost_usd: float = 0.0,
    usage: TokenUsage | None = None,
) -> Failure:
    return Failure(
        metric=key,
        kind=error.kind,
        message=str(error),
        version=info.version,
        cost_usd=cost_usd,
        usage=usage or TokenUsage(),
    )


async def judge_job(
    spec: MetricSpec, panel: Sequence[Judge], inputs: Sequence[ScoringInput], ask: AskJudge
) -> Outcome:
    """A panel's outcome for one sample: every response is judged by all of ``panel``.

    Raises what concerns the whole run: RunBlockingError, BudgetExhaustedError.
    """
    info = panel[0].info
    if info.needs_reference and not inputs[0].references:
        return no_reference(spec.key, info)
    answers = await asyncio.gather(*(ask(judge, sample) for sample in inputs for judge in panel))
    cost = sum(answer.cost_usd for answer in answers)
    usage = sum((answer.usage for answer in answers), TokenUsage())
    for answer in answers:
        if isinstance(answer.error, RunBlockingError | BudgetExhaustedError):
            raise answer.error
    votes = [answers[start : start + len(panel)] for start in range(0, len(answers), len(panel))]
    try:
        scores = [_panel_score(info, each) for each in votes]
    except PromptAppError as error:
        return failure(spec.key, info, error, cost, usage)
    return averaged(spec.key, scores).model_copy(update={"cost_usd": cost, "usage": usage})


def _panel_score(info: MetricInfo, answers: Sequence[JudgeAnswer]) -> Score:
    """Raises the error that stands in the score's place."""
    scores = [answer.score for answer in answers if answer.score is not None]
    errors = [answer.error for answer in answers if answer.error is not None]
    return tally(info, scores, errors)
