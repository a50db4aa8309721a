"""The table of archived runs."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text

from prompt_app.storage.tables import Key, Moment, metadata

archived_runs = Table(
    "archived_runs",
    metadata,
    Column("run", Key, ForeignKey("runs.number"), primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),  # of the file in the blob store
    Column("archived_at", Moment, nullable=False),
)
