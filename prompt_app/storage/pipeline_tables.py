"""The tables of functions and pipelines."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from prompt_app.storage.tables import Key, Moment, PlainText, metadata

# Custom functions that an admin has registered, those whose code is gone included.
functions = Table(
    "functions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("info", Text, nullable=False),  # FunctionInfo
    Column("registered_at", Moment, nullable=False),
    Column("registered_by", PlainText, nullable=False),
    Column("removed_at", Moment),
)

# A pipeline's number is what callers know it by.
pipelines = Table(
    "pipelines",
    metadata,
    Column("number", Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

# Immutable versions of pipelines.
pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    Column("row", Key, primary_key=True),  # in order of saving
    Column("pipeline", Key, ForeignKey("pipelines.number"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("text", PlainText, nullable=False),
    Column("model", PlainText),  # provider:name
    Column("note", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", PlainText, nullable=False),
    UniqueConstraint("pipeline", "number"),
)

# Calls with their traces.
pipeline_calls = Table(
    "pipeline_calls",
    metadata,
    Column("row", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("pipeline", Key, ForeignKey("pipelines.number")),
    Column("state", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("record", Text, nullable=False),  # PipelineCall
    Index("ix_pipeline_calls_pipeline", "pipeline", "row"),
)
