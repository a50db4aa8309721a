"""A reply's text goes into SQLite's index when it is there to be searched, not before: those of
the gateway have none until a run takes them."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

INDEX = "INSERT INTO replies_text (rowid, folded) VALUES (new.number, new.folded); END"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    found = "SELECT count(*) FROM sqlite_master WHERE name = 'replies_text'"
    if not connection.exec_driver_sql(found).scalar():
        return
    op.execute("DROP TRIGGER replies_text_insert")
    op.execute(
        "CREATE TRIGGER replies_text_insert AFTER INSERT ON replies "
        f"WHEN new.folded <> '' BEGIN {INDEX}"
    )
    op.execute(
        "CREATE TRIGGER replies_text_update AFTER UPDATE OF folded ON replies "
        f"WHEN old.folded = '' AND new.folded <> '' BEGIN {INDEX}"
    )
