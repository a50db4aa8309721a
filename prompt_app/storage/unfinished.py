"""What is not finished yet."""

from __future__ import annotations

from sqlalchemy import exists, func, or_, select

from prompt_app.storage.chunk_tables import chunks
from prompt_app.storage.finetuning_tables import finetune_jobs
from prompt_app.storage.part import StorePart
from prompt_app.storage.rubric_tables import rubric_tests
from prompt_app.storage.runs import find_run
from prompt_app.storage.tables import runs

_ACTIVE = ("queued", "running")


class Unfinished(StorePart):
    """The part of the store that tells whether there is anything left to do."""

    def has_unfinished_work(self) -> bool:
        """Whether a run or a test of a rubric waits or is worked on, or a fine-tuning job has
        not ended."""
        found = or_(
            exists().where(runs.c.state.in_(_ACTIVE)),
            exists().where(rubric_tests.c.state.in_(_ACTIVE)),
            exists().where(finetune_jobs.c.has_ended.is_(False)),
        )
        with self._database.read() as connection:
            return bool(connection.scalar(select(found)))

    def first_open_chunk(self, run_id: str) -> int | None:
        """The ordinal of the first chunk that is not finished."""
        with self._database.read() as connection:
            run = find_run(connection, run_id).number
            still_open = (chunks.c.run == run) & (chunks.c.state != "finished")
            first: int | None = connection.scalar(
                select(func.min(chunks.c.ordinal)).where(still_open)
            )
            return first
