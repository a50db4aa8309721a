"""Runs whose rows have left the database for a file."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class ArchiveStore(Protocol):
    """The part of the store that lets go of rows which are kept elsewhere."""

    def archived_runs(self) -> dict[str, str]:
        """Run -> the key of its file in the blob store."""
        ...

    def archive_key(self, run_id: str) -> str | None:
        """The key of the run's file; None while its rows are in the database."""
        ...

    def archive_run(self, run_id: str, key: str) -> None:
        """Delete the run's rows and scores, and the replies that no other run has; remember
        where they are. Raises EvaluationError for a run that has not ended."""
        ...

    def archivable_runs(self, ended_before: datetime) -> list[str]:
        """Runs that ended before then and whose rows are in the database, oldest first."""
        ...
