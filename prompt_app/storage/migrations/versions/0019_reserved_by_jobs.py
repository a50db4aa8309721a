"""What each batch job holds of a spend cap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column(
        "batch_jobs",
        sa.Column("reserved_nanousd", sa.BigInteger(), nullable=False, server_default="0"),
    )
