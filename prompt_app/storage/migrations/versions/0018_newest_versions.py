"""Marks the newest version of each dataset and prompt, so that lists of them need not group."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TABLES = {
    "dataset_versions": ["number_in_store", "name"],
    "prompt_versions": ["created_at", "name"],
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        newest: sa.Column[bool] = sa.Column(
            "newest", sa.Boolean(), nullable=False, server_default=sa.true()
        )
        op.add_column(table, newest)
        op.execute(
            f"UPDATE {table} SET newest = false WHERE EXISTS (SELECT 1 FROM {table} later "
            f"WHERE later.name = {table}.name AND later.number > {table}.number)"
        )
        op.create_index(
            f"ix_{table}_newest", table, columns,
            sqlite_where=sa.text("newest"), postgresql_where=sa.text("newest"),
        )  # fmt: skip
    op.create_index("ix_runs_listed", "runs", ["number", "evaluation_id", "state", "created_at"])
