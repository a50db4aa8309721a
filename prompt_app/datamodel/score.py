"""Metrics, scores, failures, and their summary over a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Reply, TokenUsage
from prompt_app.datamodel.prompt import Message

Direction = Literal["higher", "lower", "neutral"]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What a metric tells of itself."""

    name: str
    version: str
    """Changes whenever the same reply could get another score."""
    direction: Direction
    """Which way is better; ``neutral`` for what is only reported."""
    minimum: float | None
    maximum: float | None
    """The range of values; None where there is no bound."""
    description: str
    kind: Literal["proportion", "mean"] = "mean"
    """``proportion``: every value is 0 or 1, and the interval is Wilson's."""
    by_majority: bool = False
    """Whether votes are labels, of which one wins, although the values are on a scale."""
    unit: str = ""
    """Of the value: ``s``, ``USD``, ``characters`` ...; empty for a bare number."""
    needs_reference: bool = True
    needs_judge: bool = False
    judge_kind: Literal["chat", "embeddings"] = "chat"
    """What the judge's model is asked for."""


def with_unit(shown: str, unit: str) -> str:
    """A value as it is shown, with its unit: ``1 word``, ``2 words``, ``1 s``, ``0.5``."""
    if shown.lstrip("+-") == "1" and len(unit) > 1:
        unit = unit.removesuffix("s")
    return f"{shown} {unit}".rstrip()


class MetricSpec(Record):
    """A metric as an evaluation asks for it; a bare name for short."""

    name: str
    """A name of the METRICS table, or ``custom:FILE:CLASS``."""
    key: str = ""
    """Tells two uses of one metric apart in results; the name when absent."""
    options: dict[str, Any] = {}
    judge: ModelSpec | None = None
    judges: tuple[ModelSpec, ...] = ()
    """Or a panel: each judges, and a strict majority decides."""
    judge_parameters: InferenceParameters = InferenceParameters()
    """``num_responses`` of them are votes of one judge."""

    @property
    def panel(self) -> tuple[ModelSpec, ...]:
        """The models that judge; none for a metric that asks no model."""
        return self.judges or ((self.judge,) if self.judge is not None else ())

    @model_validator(mode="after")
    def _one_panel(self) -> Self:
        if self.judge is not None and self.judges:
            raise ValueError("give either 'judge' or 'judges'")
        if len({judge.content_id for judge in self.judges}) < len(self.judges):
            raise ValueError("'judges' names a model twice; for several votes of one model set "
                             "num_responses in 'judge_parameters'")  # fmt: skip
        return self

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"name": data}
        if isinstance(data, dict) and "name" in data:
            return {**data, "key": data.get("key") or data["name"]}
        return data


class Score(Record):
    """A metric's value for one sample."""

    metric: str
    """The MetricSpec's key."""
    value: Annotated[float, Field(allow_inf_nan=False)]
    reason: str = ""
    version: str
    """The metric's version that gave it."""
    details: dict[str, Any] = {}
    cost_usd: float = 0.0
    """Of the judge's calls; 0 for a metric that asks no model."""
    usage: TokenUsage = TokenUsage()


class Failure(Record):
    """A metric that could not score a sample. Never a number, never part of a mean."""

    metric: str
    kind: str
    """The error's kind, e.g. ``malformed_reply``."""
    message: str
    version: str
    cost_usd: float = 0.0
    usage: TokenUsage = TokenUsage()


@dataclass(frozen=True, slots=True)
class ScoringInput:
    """Everything a metric may look at for one response of one sample."""

    text: str
    """The response to score."""
    references: tuple[str, ...]
    fields: dict[str, Any]
    """The example's own fields."""
    messages: tuple[Message, ...]
    """The prompt as it was sent."""
    reply: Reply
    cost_usd: float | None
    """Of the call that the reply came from, in whichever run; None where it has no price."""


class Interval(Record):
    """A confidence interval and the method it came from."""

    lower: float
    upper: float
    level: float = 0.95
    method: str
    caution: str = ""
    """A sentence where it may cover less than its level; empty where it need not."""


def cautions(intervals: Iterable[Interval | None]) -> list[str]:
    """What is to be said below these intervals, each sentence once."""
    return list(dict.fromkeys(each.caution for each in intervals if each and each.caution))


class MetricSummary(Record):
    """One metric over one run. Repeats are averaged per example before anything else."""

    metric: str
    mean: float | None
    """Over the scored examples; None when none was scored."""
    interval: Interval | None
    """None below two examples, where it is undefined."""
    examples: int
    """Examples with at least one score: the interval's n."""
    scored: int
    """Samples with a score."""
    failed: int
    """Samples answered, but this metric could not score them."""
    skipped: int
    """Samples with no reply to score."""
    direction: Direction = "higher"
    unit: str = ""
    kind: Literal["proportion", "mean"] = "mean"
