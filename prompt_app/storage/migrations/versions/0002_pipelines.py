"""Functions, pipelines and their calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "functions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("info", sa.Text(), nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_functions"),
    )
    op.create_table(
        "pipelines",
        sa.Column("number", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_pipelines"),
        sa.UniqueConstraint("name", name="uq_pipelines_name"),
        sqlite_autoincrement=True,  # the number of a deleted pipeline means no other one
    )
    op.create_table(
        "pipeline_versions",
        sa.Column("row", KEY, nullable=False),
        sa.Column("pipeline", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline"], ["pipelines.number"], name="fk_pipeline_versions_pipeline"
        ),
        sa.PrimaryKeyConstraint("row", name="pk_pipeline_versions"),
        sa.UniqueConstraint("pipeline", "number", name="uq_pipeline_versions_pipeline_number"),
    )
    op.create_table(
        "pipeline_calls",
        sa.Column("row", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline", KEY, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline"], ["pipelines.number"], name="fk_pipeline_calls_pipeline"
        ),
        sa.PrimaryKeyConstraint("row", name="pk_pipeline_calls"),
        sa.UniqueConstraint("id", name="uq_pipeline_calls_id"),
    )
    op.create_index("ix_pipeline_calls_pipeline", "pipeline_calls", ["pipeline", "row"])
