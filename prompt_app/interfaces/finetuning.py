"""The socket of fine-tuning jobs."""

from __future__ import annotations

from typing import Protocol

from prompt_app.datamodel.finetuning import FinetuneJob
from prompt_app.interfaces.rows import Page


class FinetuneStore(Protocol):
    """The part of the store that keeps fine-tuning jobs."""

    def save_finetune_job(self, job: FinetuneJob) -> None:
        """A new one, or the same as it stands now."""
        ...

    def list_finetune_jobs(
        self, *, active: bool = False, offset: int = 0, limit: int = 50
    ) -> Page[FinetuneJob]:
        """Newest first; with ``active`` only those that have not ended."""
        ...

    def get_finetune_job(self, job_id: str) -> FinetuneJob: ...
