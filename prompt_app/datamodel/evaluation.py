"""Evaluations as a user writes them, the runs they become, and the samples of a run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Numeric, Record
from prompt_app.datamodel.dataset import DatasetFormat, DatasetOptions
from prompt_app.datamodel.model import InferenceParameters, ModelSpec, TokenUsage
from prompt_app.datamodel.names import Name
from prompt_app.datamodel.perturbing import Perturbation
from prompt_app.datamodel.prompt import PinnedPrompt, PromptTemplate
from prompt_app.datamodel.score import MetricSpec, MetricSummary
from prompt_app.datamodel.verdicts import Stopping, Threshold
from prompt_app.registry import nearest_names

RunState = Literal["queued", "running", "paused", "finished", "cancelled", "failed"]
Mode = Literal["live", "batch"]
RunRequest = Literal["pause", "cancel"]
SampleState = Literal["answered", "scored", "failed"]
ACTIVE_STATES: tuple[RunState, ...] = ("queued", "running")


class SeededSample(Record):
    """``size`` examples chosen by ``seed``: the same ones every time."""

    size: Numeric[Annotated[int, Field(ge=1)]]
    seed: Numeric[int] = 0


class DatasetSelection(Record):
    """Which rows an evaluation uses. Either ``path`` (read and versioned when submitted) or
    ``name`` of a dataset in the store, with a version ``number`` or else the newest."""

    path: str | None = None
    """A file, or an ``s3://`` address; relative to the evaluation file."""
    name: str | None = None
    number: Numeric[int] | None = None
    options: DatasetOptions = DatasetOptions()
    """How to read ``path``; a stored dataset keeps its own."""
    split: str | None = None
    sample: SeededSample | None = None
    on_bad_rows: Literal["stop", "skip"] = "stop"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        if isinstance(data, str):
            ending = data.rpartition(".")[2].lower()
            if "/" in data or ending in get_args(DatasetFormat):  # it looks like a file
                return {"path": data}
            name, _, number = data.partition("@")
            return {"name": name, "number": number or None}
        return data

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.name is None):
            raise ValueError("give either 'path' (a file) or 'name' (a stored dataset)")
        return self


class PromptSelection(Record):
    """A stored prompt (``ref``: ``name``, ``name@3`` or ``name@production``), or a template
    written in place, which is saved as a version of ``name``."""

    ref: str | None = None
    name: Name | None = None
    template: PromptTemplate | None = None
    perturb: Perturbation | None = None
    """Disturb what the prompt shows of each row, to compare with the same prompt undisturbed."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return {"ref": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.ref is None) == (self.template is None):
            raise ValueError("give either 'ref' (a stored prompt) or 'name' with 'template'")
        if self.template is not None and self.name is None:
            raise ValueError("a template written in place needs a 'name'")
        return self


class ModelSelection(Record):
    """A model with parameters of its own, over those of the evaluation."""

    model: ModelSpec
    parameters: InferenceParameters = InferenceParameters()

    @model_validator(mode="before")
    @classmethod
    def _from_reference(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"model": data}
        if isinstance(data, dict) and "provider" in data:
            rest = {key: value for key, value in data.items() if key != "parameters"}
            return {"model": rest, "parameters": data.get("parameters", {})}
        return data


class Limits(Record):
    """What a run may take. Caps hold for each model."""

    max_concurrency: Numeric[Annotated[int, Field(ge=1, le=1000)]] = 50
    requests_per_minute: Numeric[Annotated[float, Field(gt=0)]] | None = None
    tokens_per_minute: Numeric[Annotated[float, Field(gt=0)]] | None = None
    timeout_seconds: Numeric[Annotated[float, Field(gt=0, le=3600)]] = 120.0
    """Deadline of one attempt."""
    max_attempts: Numeric[Annotated[int, Field(ge=1, le=20)]] = 6
    """Calls for one sample; rate-limit refusals do not count."""
    max_cost_usd: Numeric[Annotated[float, Field(gt=0)]] | None = None
    """Spend cap over the whole evaluation, judges included; never overshot."""


class EvaluationSpec(Record):
    """An evaluation as it is written in a file or filled in on a page:
    dataset x prompts x models x metrics."""

    name: Name = "evaluation"
    dataset: DatasetSelection
    prompts: Annotated[tuple[PromptSelection, ...], Field(min_length=1)]
    models: Annotated[tuple[ModelSelection, ...], Field(min_length=1)]
    parameters: InferenceParameters = InferenceParameters()
    metrics: Annotated[tuple[MetricSpec, ...], Field(min_length=1)]
    repeats: Numeric[Annotated[int, Field(ge=1, le=1000)]] = 1
    limits: Limits = Limits()
    cache: Literal["use", "refresh", "off"] = "use"
    """``use``: answer from stored replies where one fits, but never a repeat after the first;
    ``refresh``: call anew and store; ``off``: neither."""
    mode: Mode = "live"
    """``batch``: by batch jobs, at half the price; what they leave out is called live."""
    thresholds: tuple[Threshold, ...] = ()
    stopping: Stopping | None = None
    """Stop a run early once it is shown to be worse than the first one."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = [metric.key for metric in self.metrics]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"two metrics share the key {key!r}; give one another 'key'")
        for threshold in self.thresholds:
            if threshold.metric not in keys:
                raise ValueError(_unknown_key("a threshold", threshold.metric, keys))
        if self.stopping is not None and self.stopping.metric not in keys:
            raise ValueError(_unknown_key("'stopping'", self.stopping.metric, keys))
        return self


def _unknown_key(who: str, key: str, known: list[str]) -> str:
    near = nearest_names(key, known)
    hint = f"; did you mean {' or '.join(repr(each) for each in near)}?" if near else ""
    listed = ", ".join(known)
    return f"{who} names the metric {key!r}, which is not among the metrics ({listed}){hint}"


class RunSpec(Record):
    """One cell of an evaluation's grid, pinned: all that decides what the run does."""

    dataset_version: str
    dataset_name: str
    reference_field: str
    cluster_field: str | None = None
    split: str | None = None
    sample_seed: int = 0
    sample_threshold: str | None = None
    """Examples whose sampling_key(sample_seed, id) is at most this are used."""
    prompt: PinnedPrompt
    model: ModelSpec
    parameters: InferenceParameters
    metrics: tuple[MetricSpec, ...]
    repeats: int
    limits: Limits
    cache: Literal["use", "refresh", "off"]
    mode: Mode = "live"
    stopping: Stopping | None = None


class Progress(Record):
    """Where a run stands. Counts are of samples; kept up with every batch that is stored."""

    total: int = 0
    answered: int = 0
    """With a reply, scored or not yet."""
    scored: int = 0
    """Through all metrics."""
    failed: int = 0
    """Given up; a row each, with its reason."""
    cached: int = 0
    """Of the answered: served from stored replies."""
    excluded: int = 0
    """Rows left out because they serve as few-shot examples."""
    skipped_rows: int = 0
    """Malformed rows of the dataset that were left out."""
    cost_usd: float = 0.0
    """Of the model's calls in this run; a cached reply costs nothing."""
    judge_cost_usd: float = 0.0
    usage: TokenUsage = TokenUsage()
    rate_per_second: float = 0.0
    """Samples answered, over the last seconds."""
    concurrency: int = 0
    """Calls allowed at once now."""
    in_batch: int = 0
    """Samples that a batch job has answered and that are not collected yet."""
    retries: dict[str, int] = {}
    """Error kind -> refused or failed attempts, those included that a retry mended."""

    @property
    def done(self) -> int:
        """Samples that need no further call."""
        return self.answered + self.failed

    @property
    def eta_seconds(self) -> float | None:
        """Time left at the present rate; None while there is no rate."""
        left = self.total - self.done
        if left <= 0:
            return 0.0
        return left / self.rate_per_second if self.rate_per_second > 0 else None


class Run(Record):
    """A run as the store has it."""

    id: str
    evaluation_id: str
    name: str
    """Prompt and model, for people."""
    spec: RunSpec
    state: RunState = "queued"
    reason: str = ""
    """Why it is paused, cancelled or failed."""
    requested: RunRequest | None = None
    """Asked of the worker, not yet done."""
    progress: Progress = Progress()
    summary: tuple[MetricSummary, ...] = ()
    """Filled when finished."""
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Evaluation(Record):
    """A submitted evaluation with its runs, one for each prompt and model."""

    id: str
    name: str
    key: str
    """Submission key: the same key with the same spec is the same evaluation."""
    spec: EvaluationSpec
    run_ids: tuple[str, ...]
    max_cost_usd: float | None = None
    spent_usd: float = 0.0
    unconfirmed_usd: float = 0.0
    """Reserved for calls whose worker died before their replies came: perhaps billed."""
    created_at: datetime | None = None


class SampleKey(Record):
    """Identity of work inside a run; never the text."""

    example_id: str
    repeat: int = 0


class Quote(Record):
    """What an evaluation will take, before it runs."""

    samples: int
    calls: int
    """Model and judge calls left after the cache."""
    cached: int
    """Samples that stored replies answer."""
    skipped_rows: int
    excluded: int
    input_tokens: int
    output_tokens_low: int
    output_tokens_high: int
    cost_usd_low: float | None
    cost_usd_high: float | None
    """None where a model's price is unknown."""
    batch_cost_usd_low: float | None = None
    batch_cost_usd_high: float | None = None
    """With ``mode: batch``; None where a model takes no batch jobs or has no price."""
    seconds_low: float
    seconds_high: float | None
    unpriced_models: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """How the figures were come by, and what could not be told."""
