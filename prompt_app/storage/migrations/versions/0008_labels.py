"""People's labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "label_queues",
        sa.Column("number", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_label_queues"),
        sa.UniqueConstraint("id", name="uq_label_queues_id"),
        sa.UniqueConstraint("name", name="uq_label_queues_name"),
    )
    op.create_table(
        "label_rubrics",
        sa.Column("queue", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rubric", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["queue"], ["label_queues.number"], name="fk_label_rubrics_queue"),
        sa.PrimaryKeyConstraint("queue", "number", name="pk_label_rubrics"),
    )
    op.create_table(
        "annotations",
        sa.Column("number", KEY, nullable=False),
        sa.Column("queue", KEY, nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("labeller", sa.Text(), nullable=False),
        sa.Column("labeller_name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("rubric_number", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.Column("replaced", KEY, nullable=True),
        sa.ForeignKeyConstraint(["queue"], ["label_queues.number"], name="fk_annotations_queue"),
        sa.PrimaryKeyConstraint("number", name="pk_annotations"),
    )
    op.create_index(
        "ix_annotations_row", "annotations", ["queue", "labeller", "example_id"], unique=False
    )
