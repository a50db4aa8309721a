"""The table of chunks: parts of a run that several workers advance at the same time."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from prompt_app.storage.tables import Key, PlainText, metadata

COUNTS = (
    "answered",
    "scored",
    "failed",
    "cached",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "judge_cost_usd",
)
"""Columns that a chunk and its run share. A chunk holds what its run's row has not got yet, so
that the workers of a run do not wait for each other with every batch."""

# Rows of the dataset version from position ``first`` to ``last``, and who works on them.
chunks = Table(
    "chunks",
    metadata,
    Column("number", Key, primary_key=True),
    Column("run", Key, ForeignKey("runs.number"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("state", Text, nullable=False, index=True),  # as of runs
    Column("reason", PlainText, nullable=False, default=""),
    Column("pace", Text, nullable=False),  # words: whoever shares one shares a model's limits
    *(Column(name, BigInteger, nullable=False, default=0) for name in COUNTS[:-2]),
    *(Column(name, Double, nullable=False, default=0.0) for name in COUNTS[-2:]),
    Column("spent_nanousd", BigInteger, nullable=False, default=0),  # the evaluation lacks yet
    Column("live", Text, nullable=False, default="{}"),
    Column("reserved_nanousd", BigInteger, nullable=False, default=0),
    Column("fence", BigInteger, nullable=False, default=0),
    Column("heartbeat", BigInteger, nullable=False, default=0),
    Column("batches", BigInteger, nullable=False, default=0),
    Column("worker_host", Text),
    Column("worker_pid", Integer),
    Column("worker_started", Text),
    UniqueConstraint("run", "ordinal"),
)
