"""Whether a worker has anything to look after."""

from __future__ import annotations

from sqlalchemy import exists, or_, select

from prompt_app.storage.finetuning_tables import finetune_jobs
from prompt_app.storage.part import StorePart
from prompt_app.storage.rubric_tables import rubric_tests
from prompt_app.storage.tables import runs

_ACTIVE = ("queued", "running")


class Unfinished(StorePart):
    """The part of the store behind
    :meth:`prompt_app.interfaces.chunks.ChunkStore.has_unfinished_work`."""

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
