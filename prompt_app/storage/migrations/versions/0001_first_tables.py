"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("number_in_store", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("skipped_rows", sa.Integer(), nullable=False),
        sa.Column("split_rows", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number_in_store", name="pk_dataset_versions"),
        sa.UniqueConstraint("id", name="uq_dataset_versions_id"),
        sa.UniqueConstraint("name", "number", name="uq_dataset_versions_name_number"),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("run_ids", sa.Text(), nullable=False),
        sa.Column("cap_nanousd", sa.BigInteger(), nullable=True),
        sa.Column("spent_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("reserved_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("unconfirmed_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.UniqueConstraint("key", name="uq_evaluations_key"),
    )
    op.create_table(
        "examples",
        sa.Column("number", KEY, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_examples"),
        sa.UniqueConstraint("fingerprint", name="uq_examples_fingerprint"),
    )
    op.create_table(
        "model_limits",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("parameter", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model", "parameter", name="pk_model_limits"),
    )
    op.create_table(
        "prompt_labels",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name="pk_prompt_labels"),
    )
    op.create_table(
        "prompt_versions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name="pk_prompt_versions"),
        sa.UniqueConstraint("name", "id", name="uq_prompt_versions_name_id"),
    )
    op.create_table(
        "replies",
        sa.Column("number", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cache_key", sa.Text(), nullable=False),
        sa.Column("latency_seconds", sa.Double(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_replies"),
        sa.UniqueConstraint("id", name="uq_replies_id"),
    )
    op.create_index("ix_replies_cache_key", "replies", ["cache_key"], unique=False)
    op.create_table(
        "runs",
        sa.Column("number", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.Integer(), nullable=False),
        sa.Column("skipped_rows", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("judge_cost_usd", sa.Double(), nullable=False),
        sa.Column("live", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("reserved_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat", sa.BigInteger(), nullable=False),
        sa.Column("batches", sa.BigInteger(), nullable=False),
        sa.Column("worker_host", sa.Text(), nullable=True),
        sa.Column("worker_pid", sa.Integer(), nullable=True),
        sa.Column("worker_started", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluations.id"], name="fk_runs_evaluation_id"
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["dataset_versions.number_in_store"], name="fk_runs_version"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
    )
    op.create_index("ix_runs_evaluation_id", "runs", ["evaluation_id"], unique=False)
    op.create_index("ix_runs_state", "runs", ["state"], unique=False)
    op.create_table(
        "version_rows",
        sa.Column("version", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=True),
        sa.Column("example", KEY, nullable=False),
        sa.ForeignKeyConstraint(["example"], ["examples.number"], name="fk_version_rows_example"),
        sa.ForeignKeyConstraint(
            ["version"], ["dataset_versions.number_in_store"], name="fk_version_rows_version"
        ),
        sa.PrimaryKeyConstraint("version", "position", name="pk_version_rows"),
        sa.UniqueConstraint("version", "example_id", name="uq_version_rows_version_example_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "samples",
        sa.Column("number", KEY, nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reply", KEY, nullable=True),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("latency_seconds", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_kind", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reply"], ["replies.number"], name="fk_samples_reply"),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_samples_run"),
        sa.PrimaryKeyConstraint("number", name="pk_samples"),
        sa.UniqueConstraint("run", "example_id", "repeat", name="uq_samples_run_example_id_repeat"),
    )
    op.create_index(
        "ix_samples_error",
        "samples",
        ["run", "error_kind"],
        unique=False,
        sqlite_where=sa.text("error_kind IS NOT NULL"),
        postgresql_where=sa.text("error_kind IS NOT NULL"),
    )
    op.create_index("ix_samples_page", "samples", ["run", "position", "repeat"], unique=False)
    op.create_table(
        "scores",
        sa.Column("sample", KEY, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("failure_kind", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sample"], ["samples.number"], name="fk_scores_sample", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample", "metric", name="pk_scores"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_scores_failed",
        "scores",
        ["run", "sample"],
        unique=False,
        sqlite_where=sa.text("value IS NULL"),
        postgresql_where=sa.text("value IS NULL"),
    )
    op.create_index("ix_scores_value", "scores", ["run", "metric", "value", "sample"], unique=False)
