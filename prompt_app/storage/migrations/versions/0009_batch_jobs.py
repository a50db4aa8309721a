"""Batch jobs of runs at their providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "batch_jobs",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_batch_jobs_run"),
        sa.PrimaryKeyConstraint("token", name="pk_batch_jobs"),
    )
    op.create_index("ix_batch_jobs_run", "batch_jobs", ["run"])
