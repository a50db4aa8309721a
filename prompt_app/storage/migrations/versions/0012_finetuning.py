"""Fine-tuning jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "finetune_jobs",
        sa.Column("row", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("has_ended", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_finetune_jobs"),
        sa.UniqueConstraint("id", name="uq_finetune_jobs_id"),
    )
    op.create_index("ix_finetune_jobs_has_ended", "finetune_jobs", ["has_ended"])
