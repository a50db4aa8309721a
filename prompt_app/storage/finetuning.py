"""Fine-tuning jobs."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update

from prompt_app.datamodel.finetuning import FinetuneJob
from prompt_app.errors import UnknownNameError
from prompt_app.interfaces.rows import Page
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.finetuning_tables import finetune_jobs
from prompt_app.storage.part import StorePart


class FinetuneJobs(StorePart):
    """The part of the store behind :class:`prompt_app.interfaces.finetuning.FinetuneStore`."""

    def save_finetune_job(self, job: FinetuneJob) -> None:
        """A new one, or the same as it stands now."""
        changed = {"has_ended": job.has_ended, "record": dump_record(job)}

        def save(connection: Connection) -> None:
            here = update(finetune_jobs).where(finetune_jobs.c.id == job.id).values(changed)
            if connection.execute(here).rowcount == 0:
                created_at = job.created_at or datetime.now(UTC)
                row = {"id": job.id, "created_at": created_at, **changed}
                connection.execute(insert(finetune_jobs), row)

        self._database.write_retrying(save)

    def list_finetune_jobs(
        self, *, active: bool = False, offset: int = 0, limit: int = 50
    ) -> Page[FinetuneJob]:
        """Newest first; with ``active`` only those that have not ended."""
        wanted = [finetune_jobs.c.has_ended.is_(False)] if active else []
        count = select(func.count()).select_from(finetune_jobs).where(*wanted)
        query = select(finetune_jobs.c.record).where(*wanted)
        query = query.order_by(finetune_jobs.c.row.desc()).offset(offset).limit(limit)
        with self._database.read() as connection:
            total = int(connection.scalar(count) or 0)
            records = connection.scalars(query).all()
        return Page(tuple(load_record(FinetuneJob, each) for each in records), total, offset)

    def get_finetune_job(self, job_id: str) -> FinetuneJob:
        query = select(finetune_jobs.c.record).where(finetune_jobs.c.id == job_id)
        with self._database.read() as connection:
            record = connection.scalar(query)
        if record is None:
            raise UnknownNameError("fine-tuning job", job_id)
        return load_record(FinetuneJob, record)
