"""Training examples and fine-tuning jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.prompt import Message

FinetuningProvider = Literal["openai", "bedrock"]
JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("succeeded", "failed", "cancelled")


class TrainingSource(Record):
    """Where training examples come from: a dataset, or the best rows of runs."""

    dataset: str | None = None
    """``name`` or ``name@number``."""
    split: str | None = None
    prompt: str = "Prompt"
    """A field, or a template of the user message with placeholders in single braces."""
    response: str = "Response"
    """Likewise, of the answer; the first one where the field holds several."""
    runs: tuple[str, ...] = ()
    metric: str | None = None
    """By which rows of runs are the best."""
    at_least: float | None = None
    most: Annotated[int, Field(ge=1)] | None = None
    """So many examples at most: the first of a dataset, the best of runs."""
    system: str | None = None
    """In front of each example, in place of a system message that it has."""
    evaluation: tuple[str, ...] = ()
    """Further datasets that must stay unseen: ``name``, ``name@number``, ``name:split``."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset is None) == (not self.runs):
            raise ValueError("give either a dataset or runs")
        if self.runs and self.metric is None:
            raise ValueError("name the metric by which rows of the runs are the best")
        return self


class TrainingExample(Record):
    """One conversation that ends with the answer to learn. ``origin`` names its row."""

    messages: tuple[Message, ...]
    origin: str


class TrainingCheck(Record):
    """What validating the examples found. ``errors`` keep a job from starting, ``warnings`` do
    not; ``leaks`` are rows that evaluation splits hold too."""

    examples: int
    tokens: int
    """Estimated, of one epoch."""
    longest: int
    """Tokens of the longest example."""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    checked_against: tuple[str, ...] = ()
    """The evaluation splits that were looked through."""


class FinetuneRequest(Record):
    """A job as it is asked for."""

    provider: FinetuningProvider = "openai"
    base_model: str
    """The provider's own name."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$")]
    """Becomes part of the new model's name."""
    source: TrainingSource
    epochs: Annotated[int, Field(ge=1, le=50)] | None = None
    """The provider's choice when None."""
    allow_leaks: bool = False
    role_arn: str | None = None
    """Bedrock: the role that reads and writes the bucket."""
    bucket: str | None = None
    """Bedrock: ``s3://bucket/prefix`` for the training file and the job's output."""


class JobStatus(Record):
    """What the provider says of a job."""

    state: JobState
    model: str | None = None
    """The provider's name of the new model, once there is one."""
    message: str = ""
    trained_tokens: int | None = None


class FinetuneJob(Record):
    """A job that was started, and how it stands."""

    id: str
    request: FinetuneRequest
    remote_id: str
    """The provider's."""
    status: JobStatus
    examples: int
    tokens: int
    created_at: datetime | None = None
    created_by: str = ""
    checked_at: datetime | None = None
    """When the provider was last asked."""

    @property
    def has_ended(self) -> bool:
        return self.status.state in ENDED

    @property
    def reference(self) -> str | None:
        """The new model as an evaluation names it."""
        return f"{self.request.provider}:{self.status.model}" if self.status.model else None
