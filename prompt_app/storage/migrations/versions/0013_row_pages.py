"""Indexes in the order of every sort of a run's rows, and over the texts that are searched.

Scores are told their sample's place, so that one index holds a metric's values by place. Texts are
searched by their trigrams: PostgreSQL's pg_trgm where the extension may be made, else SQLite's
FTS5 where it is compiled in. Where neither is there, a search reads the texts themselves.
"""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

TEXTS = ("replies", "examples")


def upgrade() -> None:
    place_the_scores()
    index("ix_scores_value", "scores", ["run", "metric", "value", "position", "repeat"])
    index("ix_scores_page", "scores", ["run", "metric", "position", "repeat", "value"])
    index("ix_scores_failed", "scores", ["run", "metric", "position", "repeat"], "value IS NULL")
    op.drop_index("ix_samples_page", "samples")
    op.drop_index("ix_samples_error", "samples")
    index("ix_samples_page", "samples", ["run", "position", "repeat", "state"])
    index("ix_samples_failed", "samples", ["run", "position", "repeat"], "reply IS NULL")
    columns = ["run", "error_kind", "position", "repeat"]
    index("ix_samples_error", "samples", columns, "error_kind IS NOT NULL")
    columns = ["run", "latency_seconds", "position", "repeat"]
    index("ix_samples_latency", "samples", columns, "latency_seconds IS NOT NULL")
    index("ix_samples_cost", "samples", ["run", "cost_usd", "position", "repeat"])
    index("ix_samples_reply", "samples", ["reply"], "reply IS NOT NULL")
    index("ix_version_rows_example", "version_rows", ["example"])
    if op.get_bind().dialect.name == "postgresql":
        keep_pages_visible()
        index_postgresql_texts()
    else:
        index_sqlite_texts()


def index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name, table, columns, sqlite_where=condition, postgresql_where=condition
    )  # fmt: skip


def place_the_scores() -> None:
    op.drop_index("ix_scores_value", "scores")
    op.drop_index("ix_scores_failed", "scores")
    for name in ("position", "repeat"):
        column = sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        op.add_column("scores", column)
    op.execute(
        "UPDATE scores SET position = samples.position, repeat = samples.repeat "
        "FROM samples WHERE samples.number = scores.sample"
    )


def keep_pages_visible() -> None:
    """An index answers alone only where its rows are known to be visible to all. By itself
    PostgreSQL looks after that when a fifth of the table is new."""
    for table in ("samples", "scores"):
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_insert_scale_factor = 0.01, "
            "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
        )


def index_postgresql_texts() -> None:
    connection = op.get_bind()
    offered = sa.text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if not connection.scalar(offered):
        return
    try:
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except sa.exc.DBAPIError:  # an administrator of the database may make it later
        return
    for table in TEXTS:
        # New texts wait in a list of 16 MB, so that they are put in by many at a time.
        op.execute(
            f"CREATE INDEX ix_{table}_text ON {table} USING gin (folded gin_trgm_ops) "
            "WITH (gin_pending_list_limit = 16384)"
        )


def index_sqlite_texts() -> None:
    """Triggers, so that no way to write can forget it. A text that is deleted stays in the index
    (it would have to be known word for word): what the index finds is looked up in any case."""
    options = op.get_bind().exec_driver_sql("PRAGMA compile_options").scalars().all()
    if "ENABLE_FTS5" not in options or sqlite3.sqlite_version_info < (3, 34):
        return
    for table in TEXTS:
        op.execute(
            f"CREATE VIRTUAL TABLE {table}_text USING fts5(folded, content='', detail=none, "
            "columnsize=0, tokenize='trigram case_sensitive 1')"
        )
        op.execute(f"INSERT INTO {table}_text (rowid, folded) SELECT number, folded FROM {table}")
        op.execute(
            f"CREATE TRIGGER {table}_text_insert AFTER INSERT ON {table} BEGIN "
            f"INSERT INTO {table}_text (rowid, folded) VALUES (new.number, new.folded); END"
        )
