"""The part of the store that reads two runs side by side, and what their calls took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from prompt_app.interfaces.rows import Page, StoredSample


@dataclass(frozen=True, slots=True)
class PairFilter:
    """Which examples of two runs, by what ``metric`` (its key) gave them."""

    metric: str
    change: Literal["up", "down", "any", "none"] | None = None
    """How the second run's value differs from the first's; None for all examples."""
    crossing: bool = False
    """Only where the change crosses 0.5: what passes in one run only."""
    text: str = ""
    """Part of the example's fields; case-insensitive."""


@dataclass(frozen=True, slots=True)
class SamplePair:
    """One example in two runs, as its lowest scored repeat has it."""

    before: float
    """Mean over the repeats in the first run."""
    after: float
    first: StoredSample
    second: StoredSample


@dataclass(frozen=True, slots=True)
class CallFigures:
    """What each answered sample took, whoever paid: a reply from the cache counts as its call."""

    latency_seconds: tuple[float, ...]
    cost_usd: tuple[float, ...]


class PairStore(Protocol):
    """Reads across the samples of runs."""

    def list_pairs(
        self,
        first_run: str,
        second_run: str,
        pair_filter: PairFilter,
        *,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[SamplePair]:
        """Examples of equal id and content that both runs scored, the widest change first, then
        by position."""
        ...

    def call_figures(self, run_id: str) -> CallFigures:
        """In order of position."""
        ...

    def example_means(self, run_id: str, metric: str) -> dict[str, float]:
        """Example id -> mean of the repeats that ``metric`` scored, in order of position."""
        ...

    def example_fingerprints(self, version_id: str) -> dict[str, str]:
        """Example id -> fingerprint of its content, in order of position."""
        ...

    def example_values(self, version_id: str, field: str) -> dict[str, Any]:
        """Example id -> value of a field of the dataset version, a name or dotted path, in order
        of position; None for an example without the field."""
        ...

    def spend_since(self, moment: datetime) -> float:
        """US dollars that the runs created from ``moment`` on have cost, judges included."""
        ...
