"""The batch jobs of runs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from prompt_app.interfaces import Lease
from prompt_app.interfaces.batch_jobs import BatchJob
from prompt_app.storage.batch_job_tables import batch_jobs
from prompt_app.storage.holding import held_by, holder_of
from prompt_app.storage.part import StorePart
from prompt_app.storage.runs import run_number
from prompt_app.storage.tables import evaluations, runs


class BatchJobs(StorePart):
    """The part of the store that remembers which jobs a run has at its provider."""

    def batch_jobs(self, lease: Lease) -> list[BatchJob]:
        """Of the rows that ``lease`` holds, in order of position."""
        with self._database.read() as connection:
            query = (
                select(batch_jobs)
                .where(
                    batch_jobs.c.run == run_number(connection, lease.run.id),
                    batch_jobs.c.first > lease.after_position,
                )
                .order_by(batch_jobs.c.first)
            )
            return [_job_of(row) for row in connection.execute(query) if lease.holds(row.first)]

    def save_batch_job(self, lease: Lease, job: BatchJob) -> None:
        """See :meth:`prompt_app.interfaces.batch_jobs.BatchJobStore.save_batch_job`."""
        with self._database.write() as connection:
            held = held_by(connection, lease)
            this_job = batch_jobs.c.token == job.token
            before = connection.scalar(select(batch_jobs.c.reserved_nanousd).where(this_job)) or 0
            connection.execute(delete(batch_jobs).where(this_job))
            connection.execute(
                insert(batch_jobs),
                {
                    "token": job.token,
                    "run": held.number,
                    "first": job.first,
                    "last": job.last,
                    "state": job.state,
                    "provider_id": job.provider_id,
                    "reserved_nanousd": job.reserved_nanousd,
                },
            )
            if before != job.reserved_nanousd:
                table = holder_of(lease)
                rest = table.c.reserved_nanousd + before - job.reserved_nanousd
                connection.execute(
                    update(table).where(table.c.number == held.holder).values(reserved_nanousd=rest)
                )

    def reserved_spend(self, evaluation_id: str) -> int:
        """See :meth:`prompt_app.interfaces.chunks.ChunkStore.reserved_spend`."""
        reserved = select(evaluations.c.reserved_nanousd).where(evaluations.c.id == evaluation_id)
        left_alone = (
            select(func.sum(batch_jobs.c.reserved_nanousd))
            .join(runs, runs.c.number == batch_jobs.c.run)
            .where(runs.c.evaluation_id == evaluation_id, runs.c.state != "running")
        )
        with self._database.read() as connection:
            return int(connection.scalar(reserved) or 0) - int(connection.scalar(left_alone) or 0)


def _job_of(row: Row[Any]) -> BatchJob:
    return BatchJob(
        row.token, row.first, row.last, row.state, row.provider_id, row.reserved_nanousd
    )
