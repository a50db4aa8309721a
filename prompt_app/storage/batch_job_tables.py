"""The table of batch jobs."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Table,
    Text,
    exists,
    or_,
    select,
)

from prompt_app.storage.tables import Key, metadata

batch_jobs = Table(
    "batch_jobs",
    metadata,
    Column("token", Text, primary_key=True),
    Column("run", Key, ForeignKey("runs.number"), nullable=False, index=True),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("reserved_nanousd", BigInteger, nullable=False, server_default="0"),
)


def has_open_jobs(connection: Connection, run: int) -> bool:
    """Whether jobs of run number ``run`` may be at its provider, or hold a part of its cap."""
    is_there = batch_jobs.c.state.in_(("asked", "submitted"))
    found = exists().where(
        batch_jobs.c.run == run, or_(is_there, batch_jobs.c.reserved_nanousd > 0)
    )
    return bool(connection.scalar(select(found)))
