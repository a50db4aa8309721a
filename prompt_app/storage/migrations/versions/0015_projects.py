"""Projects; which runs a label queue is of."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_table(
        "project_members",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_project_members_project"),
        sa.PrimaryKeyConstraint("member", "project", name="pk_project_members"),
    )
    op.create_index("ix_project_members_project", "project_members", ["project"])
    op.create_table(
        "project_items",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_project_items_project"),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_project_items"),
    )
    op.create_index("ix_project_items_project", "project_items", ["project", "kind", "name"])
    for name in ("run_id", "second_run_id"):
        op.add_column("label_queues", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    name_the_runs()


def name_the_runs() -> None:
    """From each queue's own record."""
    connection = op.get_bind()
    update = sa.text(
        "UPDATE label_queues SET run_id = :first, second_run_id = :second WHERE number = :number"
    )
    for number, queue in connection.execute(
        sa.text("SELECT number, queue FROM label_queues")
    ).all():
        first, second = [*json.loads(queue)["run_ids"], ""][:2]
        connection.execute(update, {"first": first, "second": second, "number": number})
