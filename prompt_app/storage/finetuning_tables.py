"""The table of fine-tuning jobs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Text

from prompt_app.storage.tables import Key, Moment, metadata

finetune_jobs = Table(
    "finetune_jobs",
    metadata,
    Column("row", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("has_ended", Boolean, nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("record", Text, nullable=False),  # FinetuneJob
)
