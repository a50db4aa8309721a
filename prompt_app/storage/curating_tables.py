"""The tables of dataset curation."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from prompt_app.storage.tables import Moment, metadata

# Datasets that are out of the lists. Their versions stay: runs refer to them.
archived_datasets = Table(
    "archived_datasets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("archived_at", Moment, nullable=False),
)
