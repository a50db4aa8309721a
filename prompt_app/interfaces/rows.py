"""A sample's row as it is read back, which rows are wanted, and a page of a longer list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.evaluation import SampleKey, SampleState
from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.score import Failure, Score

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A sample's row, as pages and exports read it."""

    key: SampleKey
    position: int
    state: SampleState
    example: Example
    reply: Reply | None
    reply_id: str | None
    cached: bool
    cost_usd: float
    attempts: int
    error_kind: str | None
    error_message: str | None
    scores: tuple[Score, ...]
    failures: tuple[Failure, ...]
    answered_at: datetime | None = None
    reply_cost_usd: float = 0.0
    """Of the call that the reply came from: a stored one was paid for by another sample."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows of a run, in which order. All conditions hold together."""

    state: SampleState | None = None
    metric: str | None = None
    minimum: float | None = None
    """Least value of ``metric``."""
    maximum: float | None = None
    metric_failed: bool = False
    """Only rows where ``metric`` (or any) failed to score."""
    text: str = ""
    """Part of the example's fields, the reply or the error message; case-insensitive."""
    error_kind: str | None = None
    sort: Literal["position", "score", "latency", "cost"] = "position"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A slice of a longer list."""

    items: tuple[Item, ...]
    total: int
    offset: int
    searched: int | None = None
    """Rows that were read, where a search ended before it had read all: there may be more than
    ``total``."""
