"""Each day's sums over the gateway's calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

KEYS = ("day", "token", "person", "target", "prompt")
COUNTS = ("calls", "failed", "cached", "input_tokens", "output_tokens", "answered")
SUMS = ("cost_usd", "saved_usd", "latency_ms")


def upgrade() -> None:
    op.create_table(
        "usage_days",
        *(sa.Column(name, sa.Text(), nullable=False) for name in KEYS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.Double(), nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint(*KEYS, name="pk_usage_days"),
    )
    keys = ", ".join(KEYS)
    op.execute(
        f"INSERT INTO usage_days ({keys}, {', '.join(COUNTS)}, {', '.join(SUMS)}) "
        f"SELECT {keys}, count(*), sum(CASE WHEN status >= 400 THEN 1 ELSE 0 END), "
        "sum(CASE WHEN cached THEN 1 ELSE 0 END), sum(input_tokens), sum(output_tokens), "
        "sum(CASE WHEN status < 400 THEN 1 ELSE 0 END), sum(cost_usd), sum(saved_usd), "
        "sum(CASE WHEN status < 400 THEN latency_ms ELSE 0 END) "
        f"FROM usage_records GROUP BY {keys}"
    )
