"""The batch jobs of runs."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from prompt_app.interfaces import Lease
from prompt_app.interfaces.batch_jobs import BatchJob
from prompt_app.storage.batch_job_tables import batch_jobs
from prompt_app.storage.holding import held_by, holder_of
from prompt_app.storage.part import StorePart
from prompt_app.storage.runs import run_number
from prompt_app.storage.tables import evaluations


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
            return [
                BatchJob(row.token, row.first, row.last, row.state, row.provider_id)
                for row in connection.execute(query)
                if lease.holds(row.first)
            ]

    def save_batch_job(self, lease: Lease, job: BatchJob) -> None:
        """Add it, or change the one of its token. Raises LeaseLostError."""
        with self._database.write() as connection:
            held = held_by(connection, lease)
            connection.execute(delete(batch_jobs).where(batch_jobs.c.token == job.token))
            connection.execute(
                insert(batch_jobs),
                {
                    "token": job.token,
                    "run": held.number,
                    "first": job.first,
                    "last": job.last,
                    "state": job.state,
                    "provider_id": job.provider_id,
                },
            )

    def readopt_spend(self, lease: Lease, nanousd: int) -> int:
        """See :meth:`prompt_app.interfaces.batch_jobs.BatchJobStore.readopt_spend`."""
        with self._database.write() as connection:
            held = held_by(connection, lease)
            this = evaluations.c.id == held.evaluation_id
            query = select(evaluations.c.unconfirmed_nanousd).where(this).with_for_update()
            moved = min(nanousd, int(connection.execute(query).scalar_one()))
            connection.execute(
                update(evaluations)
                .where(this)
                .values(
                    unconfirmed_nanousd=evaluations.c.unconfirmed_nanousd - moved,
                    reserved_nanousd=evaluations.c.reserved_nanousd + moved,
                )
            )
            table = holder_of(lease)
            connection.execute(
                update(table)
                .where(table.c.number == held.holder)
                .values(reserved_nanousd=table.c.reserved_nanousd + moved)
            )
            return moved
