"""Batch jobs: many requests handed to a provider at once, answered within a day at half the
price."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from prompt_app.datamodel.model import GenerationRequest, Reply
from prompt_app.errors import ProviderError

if TYPE_CHECKING:
    from prompt_app.interfaces import Lease

BatchJobState = Literal["new", "asked", "submitted", "collected"]
"""``asked``: the provider was asked to take it, and its answer is not known."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What stands in the store before the provider is asked, so that no job is submitted twice."""

    token: str
    """Made here, told to the provider, and found there again."""
    first: int
    last: int
    """Positions of the rows whose samples it answers, both included."""
    state: BatchJobState = "new"
    provider_id: str = ""
    reserved_nanousd: int = 0
    """What the job holds of the spend cap, whoever works on its run, or nobody."""


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far the provider is."""

    ended: bool
    answered: int = 0
    message: str = ""
    """Why it ended early."""


class BatchProvider(Protocol):
    """Jobs at one provider. Requests and replies are matched by keys of letters and digits."""

    async def upload(self, token: str, requests: Sequence[tuple[str, GenerationRequest]]) -> str:
        """Where the provider finds the requests. Raises a ProviderError."""
        ...

    async def submit(self, token: str, place: str) -> str:
        """The provider's id of the job. Of several that were submitted under ``token`` at once
        one goes on, and the others are cancelled. Raises a ProviderError."""
        ...

    async def find(self, token: str) -> str | None:
        """The id of the job that was submitted under ``token``. Raises a ProviderError."""
        ...

    async def status(self, provider_id: str) -> BatchStatus: ...

    def results(
        self, provider_id: str, requests: Sequence[tuple[str, GenerationRequest]]
    ) -> AsyncIterator[tuple[str, Reply | ProviderError]]:
        """Of an ended job, in any order; requests that it did not come to are missing."""
        ...

    async def cancel(self, provider_id: str) -> None:
        """A job that has ended is left alone."""
        ...

    async def close(self) -> None: ...


class BatchJobStore(Protocol):
    """The part of the store that remembers a run's batch jobs."""

    def batch_jobs(self, lease: Lease) -> list[BatchJob]:
        """Of the rows that ``lease`` holds, in order of position."""
        ...

    def save_batch_job(self, lease: Lease, job: BatchJob) -> None:
        """Add it, or change the one of its token. What it has reserved is taken from what
        ``lease`` has, and goes back there when it is less than before. Raises LeaseLostError."""
        ...
