"""The sockets that implementations plug into: Provider, Metric, Judge, Store, BlobStore,
Dispatcher. Everything above the providers and the storage knows only these."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.datamodel.embedding import ModelRequest
from prompt_app.datamodel.evaluation import (
    Evaluation,
    Progress,
    Run,
    RunRequest,
    RunState,
    SampleKey,
    SampleState,
)
from prompt_app.datamodel.model import GenerationRequest, Reply, ReplyEvent
from prompt_app.datamodel.prompt import PromptTemplate, PromptVersion
from prompt_app.datamodel.score import (
    Failure,
    MetricInfo,
    MetricSpec,
    MetricSummary,
    Score,
    ScoringInput,
)
from prompt_app.interfaces.alerts import AlertStore
from prompt_app.interfaces.archive import ArchiveStore
from prompt_app.interfaces.backup import BackupStore
from prompt_app.interfaces.batch_jobs import BatchJobStore
from prompt_app.interfaces.catalogue import CatalogueStore
from prompt_app.interfaces.chunks import Chunk, ChunkStore
from prompt_app.interfaces.curating import CurationStore
from prompt_app.interfaces.finetuning import FinetuneStore
from prompt_app.interfaces.labelling import LabelStore
from prompt_app.interfaces.logins import LoginStore
from prompt_app.interfaces.pairing import PairStore
from prompt_app.interfaces.pipelines import PipelineStore
from prompt_app.interfaces.projects import ProjectStore
from prompt_app.interfaces.replies import StoredReply as StoredReply
from prompt_app.interfaces.rows import Page as Page
from prompt_app.interfaces.rows import RowFilter as RowFilter
from prompt_app.interfaces.rows import StoredSample as StoredSample
from prompt_app.interfaces.rubric_tests import RubricTestStore
from prompt_app.interfaces.serving import ServingStore
from prompt_app.interfaces.workers import WorkerIdentity as WorkerIdentity

# --- models ---------------------------------------------------------------------------------


class Provider(Protocol):
    """Calls models. One object serves many concurrent calls on one event loop.

    Wrappers (retrying, limiting, caching) have the same shape.
    """

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """One call, one attempt, at most ``timeout`` seconds (monotonic).

        Raises a ProviderError; a reply that is not whole is never returned. A parameter that the
        model does not take raises UnsupportedParameterError: it is never left out in silence.
        """
        ...

    def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The same call in pieces as they arrive, then the whole reply, once.

        ``timeout`` bounds the wait for each piece. Raises as :meth:`generate`, also after some
        pieces. Closing the generator ends the call at the provider.
        """
        ...

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        ...


# --- metrics --------------------------------------------------------------------------------


class Metric(Protocol):
    """A small frozen object that scores one response without asking a model."""

    @property
    def info(self) -> MetricInfo: ...

    def score(self, sample: ScoringInput) -> Score:
        """Raises MetricError where this sample cannot be scored. ``Score.metric`` is
        ``info.name``; the engine puts the evaluation's key in its place."""
        ...


class Judge(Protocol):
    """A metric that asks a model; ``generate`` is limited, retried and within the budget."""

    @property
    def info(self) -> MetricInfo: ...

    def request(self, sample: ScoringInput) -> ModelRequest | Score:
        """What the model is asked: untrusted text only as JSON-encoded fields, or as texts to
        embed. A score instead, where it is plain without asking."""
        ...

    def verdict(self, sample: ScoringInput, reply: Reply) -> Score:
        """Raises MetricError where the reply holds no schema-valid verdict."""
        ...


# --- store ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SampleResult:
    """The outcome of the calls for one sample: a reply, or an error that is final."""

    key: SampleKey
    position: int
    reply_id: str | None
    """Of a StoredReply in the same batch, or of one stored before."""
    cached: bool = False
    cost_usd: float = 0.0
    """What this sample's call cost; 0 when cached."""
    attempts: int = 1
    error_kind: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class SampleScores:
    """All metrics of one sample, once it has been through scoring."""

    key: SampleKey
    outcomes: tuple[Score | Failure, ...]


@dataclass(slots=True)
class WriteBatch:
    """What a worker stores in one transaction, under its fence."""

    replies: list[StoredReply] = field(default_factory=list)
    results: list[SampleResult] = field(default_factory=list)
    scores: list[SampleScores] = field(default_factory=list)
    released_nanousd: int = 0
    """Reservations given back, because their calls ended."""
    spent_nanousd: int = 0
    """What those calls cost in fact."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed run. Every write names ``fence``; a newer fence makes it raise LeaseLostError."""

    run: Run
    fence: int
    chunk: Chunk | None = None
    """The part of the run that is claimed, where it is not the whole."""

    @property
    def after_position(self) -> int:
        """The position before the first row that is held."""
        return -1 if self.chunk is None else self.chunk.first - 1

    def holds(self, position: int) -> bool:
        """Whether the row there is among those that are held, or before them."""
        return self.chunk is None or position <= self.chunk.last


class Store(
    PairStore,
    CatalogueStore,
    ProjectStore,
    LabelStore,
    LoginStore,
    PipelineStore,
    FinetuneStore,
    BackupStore,
    BatchJobStore,
    ArchiveStore,
    ChunkStore,
    ServingStore,
    CurationStore,
    RubricTestStore,
    AlertStore,
    Protocol,
):
    """The one store, on SQLite or PostgreSQL. Synchronous and safe to use from several threads.

    Every method raises StoreUnavailableError while the database is locked, full or unreachable,
    having changed nothing; UnknownNameError for an id or name that is not there.
    """

    # datasets
    def save_dataset_version(
        self,
        name: str,
        options: DatasetOptions,
        examples: Iterable[Example],
        *,
        source: str = "",
        skipped_rows: int = 0,
        note: str = "",
    ) -> DatasetVersion:
        """Store the examples in one transaction, reading the iterable once and never holding it
        whole. Equal rows and options give the version that is already there."""
        ...

    def list_datasets(self) -> list[DatasetVersion]:
        """The newest version of each dataset that was not archived, newest first."""
        ...

    def list_dataset_versions(self, name: str) -> list[DatasetVersion]: ...

    def get_dataset_version(self, name: str, number: int | None = None) -> DatasetVersion: ...

    def get_dataset_version_by_id(self, version_id: str) -> DatasetVersion: ...

    def list_examples(
        self,
        version_id: str,
        *,
        split: str | None = None,
        after_position: int = -1,
        limit: int = 500,
    ) -> list[Example]:
        """In order of position."""
        ...

    def get_example(self, version_id: str, example_id: str) -> Example: ...

    # prompts
    def save_prompt_version(
        self,
        name: str,
        template: PromptTemplate,
        note: str = "",
        *,
        author: str = "",
        based_on: int | None = None,
    ) -> PromptVersion:
        """An equal template gives the version of ``name`` that is already there. ``based_on``:
        the newest version that the writer knew, 0 for none; another one raises ConflictError."""
        ...

    def list_prompts(self) -> list[PromptVersion]:
        """The newest version of each prompt."""
        ...

    def list_prompt_versions(self, name: str) -> list[PromptVersion]: ...

    def get_prompt_version(self, name: str, which: str | int | None = None) -> PromptVersion:
        """``which``: a number, a label or a version id; the newest when None."""
        ...

    def set_prompt_label(self, name: str, label: str, number: int) -> None: ...

    # evaluations and runs
    def create_evaluation(self, evaluation: Evaluation, runs: Sequence[Run]) -> Evaluation:
        """Save both, queued, in one transaction. The same key with an equal spec gives the
        evaluation that is already there; with another spec raises ConflictError."""
        ...

    def get_evaluation(self, evaluation_id: str) -> Evaluation: ...

    def find_evaluation(self, key: str) -> Evaluation | None: ...

    def list_runs(
        self,
        *,
        states: Sequence[RunState] = (),
        evaluation_id: str | None = None,
        text: str = "",
        since: datetime | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[Run]:
        """Newest first. ``since``: created at that time or later."""
        ...

    def get_run(self, run_id: str) -> Run:
        """``run_id`` in full, or any beginning of it that only one run has."""
        ...

    def request_run(self, run_id: str, request: RunRequest) -> Run:
        """Ask the run's worker to pause or cancel; a run that no worker holds changes at once.
        Raises EvaluationError where its state does not allow that."""
        ...

    def requeue_run(self, run_id: str, *, retry_failed: bool = False) -> Run:
        """Queue a run that is not active again; with ``retry_failed`` forget its failed samples
        first, so that they are called anew."""
        ...

    def rescore_run(self, run_id: str, metrics: Sequence[MetricSpec], *, only: bool = False) -> Run:
        """Give a finished run ``metrics`` besides its own, or ``only`` these, and queue it:
        samples that lack an outcome are scored from their stored replies."""
        ...

    # the worker's side
    def claim_run(
        self, worker: WorkerIdentity, *, evaluation_id: str | None = None
    ) -> Lease | None:
        """Take the oldest queued run, or one whose worker has died; None when there is none.
        Reservations that the dead worker left become unconfirmed spend."""
        ...

    def heartbeat(self, lease: Lease, progress: Progress | None = None) -> RunRequest | None:
        """Show life; returns what was asked meanwhile. Only the fields of ``progress`` that are
        not counts are taken (rate, concurrency, retries). Raises LeaseLostError."""
        ...

    def write_batch(self, lease: Lease, batch: WriteBatch) -> None:
        """Store all of it in one transaction, with the run's counts, or nothing. A sample that
        is already there is left as it is. Raises LeaseLostError."""
        ...

    def reserve_spend(self, lease: Lease, nanousd: int) -> bool:
        """Reserve for calls about to be made; False where the cap leaves no room."""
        ...

    def end_run(
        self,
        lease: Lease,
        state: RunState,
        *,
        reason: str = "",
        summary: Sequence[MetricSummary] = (),
    ) -> Run:
        """Give the lease back with the run's new state."""
        ...

    # samples
    def sample_states(
        self, run_id: str, example_ids: Sequence[str]
    ) -> Mapping[SampleKey, SampleState]:
        """Of those samples that are stored already."""
        ...

    def first_open_position(
        self, run_id: str, repeats: int, *, after_position: int = -1
    ) -> int | None:
        """The next row of the dataset version that has fewer than ``repeats`` samples; None
        where there is no more."""
        ...

    def unscored_samples(
        self, run_id: str, metrics: Sequence[str], *, after_position: int = -1, limit: int = 500
    ) -> list[StoredSample]:
        """Answered samples that lack an outcome for one of ``metrics`` (keys), by position."""
        ...

    def list_samples(
        self,
        run_id: str,
        row_filter: RowFilter,
        *,
        offset: int = 0,
        limit: int = 50,
        seconds: float | None = None,
    ) -> Page[StoredSample]:
        """Rows without what they are sorted by come last. ``seconds``: a search's time."""
        ...

    def get_sample(self, run_id: str, key: SampleKey) -> StoredSample: ...

    def iterate_samples(self, run_id: str) -> Iterator[StoredSample]:
        """All rows in order, a page in memory at a time."""
        ...

    def iterate_outcomes(self, run_id: str, metric: str) -> Iterator[tuple[str, int, float | None]]:
        """(example id, repeat, value or None for a failure) in order of example."""
        ...

    def iterate_values(self, run_id: str, metric: str) -> Iterator[tuple[int, float | None]]:
        """(position, value or None for a failure) in order of position and repeat."""
        ...

    def count_errors(self, run_id: str) -> dict[str, int]:
        """Failed samples by error kind."""
        ...

    # replies and what was learned of models
    def find_replies(self, cache_keys: Sequence[str]) -> dict[str, StoredReply]:
        """The newest reply for each key that has one."""
        ...

    def answered_keys(self, cache_keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a reply."""
        ...

    def save_reply(self, stored: StoredReply) -> None:
        """Keep a reply that no run's batch brings."""
        ...

    def learn_unsupported(self, model: str, parameter: str, message: str) -> None:
        """Remember that ``model`` (its reference) does not take ``parameter``."""
        ...

    def learned_unsupported(self, model: str) -> dict[str, str]:
        """Parameter -> the provider's message."""
        ...

    def read_only(self) -> Store:
        """The same store for someone who may only read: whatever would write raises
        PermissionDeniedError."""
        ...

    def close(self) -> None: ...


class BlobStore(Protocol):
    """Files by key: a folder or a bucket. Keys are made by the app, never by a user."""

    def put(self, key: str, data: BinaryIO) -> None: ...

    def open(self, key: str) -> BinaryIO:
        """Raises BlobError where there is no such key."""
        ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None: ...

    def list(self, prefix: str = "") -> Iterator[str]: ...

    def local_path(self, key: str) -> Path | None:
        """The file itself where it is on this machine."""
        ...


class Dispatcher(Protocol):
    """Brings work to workers. Embedded, the store is the queue and this does nothing."""

    def dispatch(self, run_id: str) -> None: ...

    def wake(self) -> None:
        """Tell of other work than runs."""
        ...

    def close(self) -> None:
        """Stop trying to tell of what a broker did not take: it stands in the store as well."""


Generate = Callable[[GenerationRequest], Awaitable[Reply]]
"""A provider call with everything around it, as the engine hands it to judges."""
