"""Tests of rubrics: what is tested and how far it has come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from prompt_app.datamodel.base import Record

DEFAULT_WORKERS = 8

RubricTestState = Literal["queued", "running", "finished", "cancelled", "failed"]


class RubricTestOptions(Record):
    """What is tested; None leaves what the experiment's ``params.json`` says."""

    dataset: str
    experiment: str
    kind: Literal["experiments", "releases"] = "experiments"
    lessons: tuple[str, ...] = ()
    """All of the experiment's when empty."""
    use_cached: bool = False
    model: str | None = None
    num_responses: Annotated[int, Field(ge=1, le=100)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest reply; a spend cap needs it."""
    remove_comments: bool = False
    passing: Annotated[int, Field(ge=1)] | None = None
    max_students: Annotated[int, Field(ge=1)] | None = None
    students: tuple[str, ...] = ()
    workers: Annotated[int, Field(ge=1, le=1000)] = DEFAULT_WORKERS
    """Calls at a time."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[float, Field(gt=0)] | None = None
    max_cost_usd: Annotated[float, Field(gt=0)] | None = None
    """Over all lessons; never overshot."""
    needs_labels: bool = True


class RubricTestProgress(Record):
    """Counts of works, over all lessons."""

    total: int = 0
    done: int = 0
    problems: int = 0
    """Works with a reply that could not be read, or without one."""
    cost_usd: float | None = 0.0
    """As far as it is known."""


class RubricTest(Record):
    """A test of a rubric as the store has it."""

    id: str
    options: RubricTestOptions
    state: RubricTestState = "queued"
    reason: str = ""
    """Why it was cancelled or failed, or what its result lacks."""
    cancelling: bool = False
    """Asked for, not yet done."""
    progress: RubricTestProgress = RubricTestProgress()
    lessons: tuple[str, ...] = ()
    """Those that have a result."""
    created_by: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.state in {"queued", "running"}
