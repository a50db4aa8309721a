"""The tables of projects."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
)

from prompt_app.datamodel.project import ItemKind
from prompt_app.storage.tables import Moment, PlainText, metadata

projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("note", PlainText, nullable=False),
    Column("created_by", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("archived_at", Moment),
)

project_members = Table(
    "project_members",
    metadata,
    Column("project", Text, ForeignKey("projects.id"), nullable=False),
    Column("member", Text, nullable=False),  # a person's id, or an address in lower case
    Column("role", Text, nullable=False),  # ProjectRole
    Column("added_at", Moment, nullable=False),
    PrimaryKeyConstraint("member", "project"),
    Index("ix_project_members_project", "project"),
)

# What belongs to a project. A thing without a row here is everyone's.
project_items = Table(
    "project_items",
    metadata,
    Column("kind", Text, nullable=False),  # ItemKind
    Column("name", Text, nullable=False),
    Column("project", Text, ForeignKey("projects.id"), nullable=False),
    PrimaryKeyConstraint("kind", "name"),
    Index("ix_project_items_project", "project", "kind", "name"),
)


def forget_item(connection: Connection, kind: ItemKind, name: str) -> None:
    """A thing of that name is gone: the next one of the name is a new thing."""
    connection.execute(
        delete(project_items).where(project_items.c.kind == kind, project_items.c.name == name)
    )
