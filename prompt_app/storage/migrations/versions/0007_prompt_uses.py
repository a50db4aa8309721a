"""Which prompt a run used, who saved a prompt, the text to search for it; endpoints, presets."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for name in ("author", "folded"):
        op.add_column(
            "prompt_versions", sa.Column(name, sa.Text(), nullable=False, server_default="")
        )
    fold_the_prompts()
    for name in ("prompt_name", "prompt_version"):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    name_the_prompts()
    op.create_index("ix_runs_prompt", "runs", ["prompt_name", "number"])
    op.create_table(
        "model_endpoints",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_model_endpoints"),
    )
    op.create_table(
        "parameter_presets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name="pk_parameter_presets"),
        sa.UniqueConstraint("name", "id", name="uq_parameter_presets_name_id"),
    )


def fold_the_prompts() -> None:
    """The messages in one case, to search. NUL and lone surrogates, which the databases cannot
    hold, are left out."""
    connection = op.get_bind()
    update = sa.text(
        "UPDATE prompt_versions SET folded = :folded WHERE name = :name AND number = :number"
    )
    query = sa.text("SELECT name, number, template FROM prompt_versions")
    for name, number, template in connection.execute(query).all():
        text = "\n".join(each["content"] for each in json.loads(template)["messages"]).casefold()
        folded = text.replace("\0", "").encode("utf-8", "ignore").decode()
        connection.execute(update, {"folded": folded, "name": name, "number": number})


def name_the_prompts() -> None:
    """From each run's own record. Names are plain here: letters, digits, dots, lines."""
    connection = op.get_bind()
    update = sa.text(
        "UPDATE runs SET prompt_name = :name, prompt_version = :version WHERE number = :number"
    )
    for number, spec in connection.execute(sa.text("SELECT number, spec FROM runs")).all():
        prompt = json.loads(spec)["prompt"]
        connection.execute(
            update, {"name": prompt["name"], "version": prompt["version_id"], "number": number}
        )
