"""Fine-tuning: training examples, their validation, jobs and the models that come out."""

from __future__ import annotations

import asyncio
import logging
import secrets
from datetime import UTC, datetime
from pathlib import Path

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.finetuning import (
    FinetuneJob,
    FinetuneRequest,
    FinetuningProvider,
    JobStatus,
    TrainingCheck,
    TrainingExample,
    TrainingSource,
)
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.project import ProjectItem
from prompt_app.engine.attention import Attention
from prompt_app.errors import EvaluationError, PromptAppError
from prompt_app.interfaces import Dispatcher, Store
from prompt_app.interfaces.rows import Page
from prompt_app.providers.catalogue import ModelCard
from prompt_app.providers.finetuning import connect_finetuner
from prompt_app.providers.prices import price_of
from prompt_app.settings import Settings
from prompt_app.workbench.importing import import_dataset
from prompt_app.workbench.training_checks import check_examples
from prompt_app.workbench.training_rows import training_examples

FOLLOW_SECONDS = 20.0
"""Between two looks at the jobs that have not ended."""
MOST_CARDS = 200

logger = logging.getLogger(__name__)


class Finetuning:
    """Reached as ``workbench.finetuning``."""

    def __init__(
        self, settings: Settings, store: Store, actor: Person, dispatcher: Dispatcher
    ) -> None:
        self._settings = settings
        self._store = store
        self._actor = actor
        self._dispatcher = dispatcher

    # examples

    def import_file(self, path: str, response: str = "Response") -> str:
        """A file with prompts and responses as a dataset; its ``name@number``."""
        self._actor.require(Role.EDITOR, "add datasets")
        options = DatasetOptions(reference_field=response)
        version = import_dataset(self._store, self._settings, path, options=options)
        return f"{version.name}@{version.number}"

    def examples(self, source: TrainingSource) -> list[TrainingExample]:
        return training_examples(self._store, source)

    def check(self, source: TrainingSource) -> TrainingCheck:
        """Validate the examples; nothing is sent."""
        return check_examples(self._store, source, self.examples(source))

    def lines(self, source: TrainingSource, provider: FinetuningProvider = "openai") -> bytes:
        """The training file: one chat a line, in the provider's own form."""
        encode = connect_finetuner(provider, self._settings).encode
        text = "".join(f"{encode(example)}\n" for example in self.examples(source))
        return text.encode("utf-8", "replace")

    def export(
        self, source: TrainingSource, path: Path, provider: FinetuningProvider = "openai"
    ) -> int:
        """Write the training file; the number of its lines."""
        lines = self.lines(source, provider)
        path.write_bytes(lines)
        return lines.count(b"\n")

    # jobs

    def start(self, request: FinetuneRequest) -> FinetuneJob:
        """Validate, upload and start. Raises EvaluationError where the examples are not fit, or
        stand in evaluation splits; a ProviderError."""
        self._actor.require(Role.EDITOR, "start fine-tuning jobs")
        check = self.check(request.source)
        problems = list(check.errors)
        if check.leaks and not request.allow_leaks:
            problems.append(
                f"{len(check.leaks):,} training rows stand in evaluation splits, whose scores "
                f"would mean nothing then: {' '.join(check.leaks[:3])} Leave them out, or allow "
                "leaks."
            )
        if problems:
            raise EvaluationError(" ".join(problems))
        store = self._store.beside(*self._parts(request.source))
        job_id = f"ft-{secrets.token_hex(6)}"
        lines = self.lines(request.source, request.provider)
        finetuner = connect_finetuner(request.provider, self._settings)
        now = datetime.now(UTC)
        job = FinetuneJob(
            id=job_id,
            request=request,
            remote_id=finetuner.start(request, lines, job_id),
            status=JobStatus(state="queued"),
            examples=check.examples,
            tokens=check.tokens,
            created_at=now,
            created_by=self._actor.name,
            checked_at=now,
        )
        store.save_finetune_job(job)
        self._dispatcher.wake()
        return job

    def _parts(self, source: TrainingSource) -> list[ProjectItem]:
        """Whose project the job belongs to."""
        if source.dataset is not None:
            return [ProjectItem("dataset", source.dataset.partition("@")[0])]
        runs = [self._store.get_run(run_id) for run_id in source.runs]
        return [ProjectItem("evaluation", run.evaluation_id) for run in runs]

    def jobs(self, *, active: bool = False, offset: int = 0, limit: int = 20) -> Page[FinetuneJob]:
        """Newest first, as they were when last asked for; with ``active`` only those that have
        not ended."""
        return self._store.list_finetune_jobs(active=active, offset=offset, limit=limit)

    def job(self, job_id: str) -> FinetuneJob:
        return self._store.get_finetune_job(job_id)

    def refresh(self, job_id: str) -> FinetuneJob:
        """The job as its provider knows it now."""
        return refresh_job(self._store, self._settings, self.job(job_id))

    def cancel(self, job_id: str) -> FinetuneJob:
        self._actor.require(Role.EDITOR, "cancel fine-tuning jobs")
        job = self.job(job_id)
        if job.has_ended:
            raise EvaluationError(f"{job.id} has already ended: {job.status.state}.")
        connect_finetuner(job.request.provider, self._settings).cancel(job.remote_id)
        return self.refresh(job_id)


def refresh_job(store: Store, settings: Settings, job: FinetuneJob) -> FinetuneJob:
    """Ask the provider, unless the job has ended, and keep what it says."""
    if job.has_ended:
        return job
    status = connect_finetuner(job.request.provider, settings).status(job.remote_id)
    job = job.model_copy(update={"status": status, "checked_at": datetime.now(UTC)})
    store.save_finetune_job(job)
    return job


async def follow_jobs(
    store: Store, settings: Settings, stop: asyncio.Event, attention: Attention | None = None
) -> None:
    """A worker's part: look after every job until ``stop``, so that a model is in the catalogue
    when its job ends, whether somebody watches or not. None while ``attention`` sleeps."""
    while not stop.is_set():
        try:
            if attention is None or attention.is_awake:
                await asyncio.to_thread(_look, store, settings)
        except PromptAppError as error:
            logger.warning("cannot look after fine-tuning jobs: %s", error)
        try:
            await asyncio.wait_for(stop.wait(), FOLLOW_SECONDS)
        except TimeoutError:
            continue


def _look(store: Store, settings: Settings) -> None:
    for job in store.list_finetune_jobs(active=True).items:
        try:
            refresh_job(store, settings, job)
        except PromptAppError as error:
            logger.warning("fine-tuning job %s: %s", job.id, error)


def finetuned_cards(store: Store) -> list[ModelCard]:
    """The models that came out, newest first."""
    return [
        ModelCard(
            reference=job.reference,
            provider=job.request.provider,
            title=f"{job.request.name}: {job.request.base_model}, fine-tuned",
            kind="fine-tuned",
            price=price_of(ModelSpec.model_validate(job.reference)),
        )
        for job in store.list_finetune_jobs(limit=MOST_CARDS).items
        if job.reference is not None and job.status.state == "succeeded"
    ]
