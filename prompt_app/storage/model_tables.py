"""Tables of what people add to the catalogue of models."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from prompt_app.storage.tables import Moment, PlainText, metadata

# Models on servers of one's own.
model_endpoints = Table(
    "model_endpoints",
    metadata,
    Column("name", Text, primary_key=True),
    Column("model", Text, nullable=False),  # ModelSpec
    Column("note", PlainText, nullable=False),
    Column("author", PlainText, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

# Immutable versions of named parameters.
parameter_presets = Table(
    "parameter_presets",
    metadata,
    Column("name", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("id", Text, nullable=False),  # hash of the parameters
    Column("parameters", Text, nullable=False),  # InferenceParameters
    Column("author", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("name", "number"),
    UniqueConstraint("name", "id"),
)

# Parameters that models were found not to take.
model_limits = Table(
    "model_limits",
    metadata,
    Column("model", Text, nullable=False),  # ModelSpec.reference
    Column("parameter", Text, nullable=False),
    Column("message", PlainText, nullable=False),
    PrimaryKeyConstraint("model", "parameter"),
)
