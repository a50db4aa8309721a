"""Runs that are spread over several workers, a chunk of their rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prompt_app.datamodel.evaluation import Run, RunSpec, RunState
from prompt_app.datamodel.score import MetricSummary

if TYPE_CHECKING:
    from prompt_app.interfaces import Lease, WorkerIdentity


@dataclass(frozen=True, slots=True)
class Chunk:
    """The rows of a run from position ``first`` to ``last``, both included."""

    ordinal: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """Something that no worker is busy with: a chunk, or (``chunk`` None) a run that is to be
    spread or to be ended."""

    run_id: str
    chunk: int | None = None


class ChunkStore(Protocol):
    """The part of the store that spreads a run. A chunk's lease has a fence of its own; the
    methods of the worker's side take it as they take a run's."""

    def spread_run(self, run_id: str, chunk_rows: int, pace: str) -> list[int]:
        """Begin a queued run: make its chunks, or queue again those that are not finished.
        Returns the ordinals of the chunks that wait for a worker; those of a run that was begun
        before likewise, of any other run none. ``pace``: words, one for each model that is
        called; chunks that have one in common share that model's limits."""
        ...

    def claim_chunk(self, run_id: str, ordinal: int, worker: WorkerIdentity) -> Lease | None:
        """Take a chunk that waits or whose worker has died; None where there is nothing to take.
        A run that is to be paused or cancelled gives no more chunks away."""
        ...

    def end_chunk(self, lease: Lease, state: RunState, *, reason: str = "") -> None:
        """Give a chunk back: finished, queued for another worker, or in the state that its run
        is to end in. Finished with a ``reason`` means that the run is, whatever its other chunks
        still had to do. Raises LeaseLostError."""
        ...

    def settlement(self, run_id: str) -> RunState | None:
        """The state in which a spread run ends now; None while there is work for its chunks, and
        for every other run."""
        ...

    def settle_run(self, run_id: str, summary: Sequence[MetricSummary], *, note: str = "") -> Run:
        """End a spread run as :meth:`settlement` has it; one that goes on is left as it is.
        ``note`` follows the reason of a run that finished before all of its chunks had."""
        ...

    def first_open_chunk(self, run_id: str) -> int | None:
        """The ordinal of the first chunk that is not finished; None where all are, or there is
        none."""
        ...

    def waiting_work(self, limit: int) -> list[WaitingWork]:
        """What waits for a worker, oldest first; chunks of workers that died among it. To tell
        that, it must be called time and again."""
        ...

    def has_unfinished_work(self) -> bool:
        """Whether a run or a test of a rubric waits or is worked on, or a fine-tuning job has
        not ended: what a worker looks after."""
        ...

    def run_holders(self) -> list[tuple[RunSpec, WorkerIdentity]]:
        """The runs that one worker holds as a whole, and who that is; without those of workers
        that died or froze."""
        ...

    def count_sharers(self, pace: str) -> int:
        """How many workers are busy with chunks that have this pace among theirs, at least 1."""
        ...

    def reserved_spend(self, evaluation_id: str) -> int:
        """Billionths of a dollar that somebody will give back: what calls of the evaluation hold
        now, those of every worker, and batch jobs of running runs."""
        ...
