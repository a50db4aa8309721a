"""Which runs are archived; deleting what the archive has."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, insert, select

from prompt_app.datamodel.evaluation import ACTIVE_STATES
from prompt_app.errors import EvaluationError
from prompt_app.storage.archive_tables import archived_runs
from prompt_app.storage.part import StorePart
from prompt_app.storage.runs import find_run
from prompt_app.storage.tables import replies, runs, samples, scores


class Archive(StorePart):
    """The part of the store that lets go of rows which are kept elsewhere."""

    def archived_runs(self) -> dict[str, str]:
        """Run -> the key of its file in the blob store."""
        query = select(runs.c.id, archived_runs.c.key).join(runs)
        with self._database.read() as connection:
            return {row.id: row.key for row in connection.execute(query)}

    def archive_key(self, run_id: str) -> str | None:
        """The key of the run's file; None while its rows are in the database."""
        query = select(archived_runs.c.key).join(runs).where(runs.c.id == run_id)
        with self._database.read() as connection:
            key: str | None = connection.scalar(query)
            return key

    def archive_run(self, run_id: str, key: str) -> None:
        """Delete the run's rows and scores, and the replies that no other run has; remember
        where they are. Raises EvaluationError for a run that has not ended."""
        with self._database.write() as connection:
            run = find_run(connection, run_id, for_update=True)
            if run.state in (*ACTIVE_STATES, "paused"):
                raise EvaluationError(f"Run {run.id} is {run.state}; only one that ended can go.")
            own = samples.c.run == run.number
            others = samples.alias()
            unshared = (
                select(samples.c.reply)
                .where(own, samples.c.reply.is_not(None))
                .where(
                    ~select(others.c.number)
                    .where(others.c.reply == samples.c.reply, others.c.run != run.number)
                    .exists()
                )
            )
            gone = list(set(connection.scalars(unshared)))
            connection.execute(delete(scores).where(scores.c.run == run.number))
            connection.execute(delete(samples).where(own))
            for start in range(0, len(gone), 900):
                some = gone[start : start + 900]
                connection.execute(delete(replies).where(replies.c.number.in_(some)))
            values = {"run": run.number, "key": key, "archived_at": datetime.now(UTC)}
            connection.execute(insert(archived_runs), values)

    def archivable_runs(self, ended_before: datetime) -> list[str]:
        """Runs that ended before then and whose rows are in the database, oldest first."""
        query = (
            select(runs.c.id)
            .outerjoin(archived_runs, archived_runs.c.run == runs.c.number)
            .where(runs.c.ended_at < ended_before, archived_runs.c.run.is_(None))
            .order_by(runs.c.number)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))
