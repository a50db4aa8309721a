"""The tables of the gateway."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from prompt_app.storage.tables import Key, Moment, PlainText, metadata

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Text, nullable=False),
    Column("owner", Text, nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("record", Text, nullable=False),  # AccessToken
    PrimaryKeyConstraint("id"),
)

# One row: the number of changes that a running gateway must take note of.
serving_changes = Table(
    "serving_changes",
    metadata,
    Column("id", Integer, nullable=False, autoincrement=False),
    Column("revision", Integer, nullable=False),
    PrimaryKeyConstraint("id"),
)

# Calls of the gateway.
usage_records = Table(
    "usage_records",
    metadata,
    Column("number", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("at", Moment, nullable=False),
    Column("day", Text, nullable=False),  # YYYY-MM-DD in UTC
    Column("token", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("model", PlainText, nullable=False),
    Column("target", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("prompt_version", Integer),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("saved_usd", Double, nullable=False),
    Column("latency_ms", Double, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_kind", Text),
    Column("body", PlainText),
    Index("ix_usage_records_token", "token", "day"),
    Index("ix_usage_records_at", "at"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("number", Key, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("person", Text, nullable=False),
    Column("person_name", PlainText, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", PlainText, nullable=False),
    Column("details", PlainText, nullable=False),
)

model_routes = Table(
    "model_routes",
    metadata,
    Column("name", Text, nullable=False),
    Column("record", Text, nullable=False),  # ModelRoute
    PrimaryKeyConstraint("name"),
)

assistants = Table(
    "assistants",
    metadata,
    Column("name", Text, nullable=False),
    Column("record", Text, nullable=False),  # Assistant
    PrimaryKeyConstraint("name"),
)
