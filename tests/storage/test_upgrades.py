"""A store that the first version of the app wrote, brought up to date from every schema since.

``stored/schema-0001.json`` holds its tables: two finished runs of four rows with two repeats, and
two that wait.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    insert,
    select,
    text,
)

from prompt_app.interfaces import RowFilter
from prompt_app.settings import Settings
from prompt_app.storage.database import Database
from prompt_app.storage.migrate import HEAD, alembic_config
from prompt_app.workbench import open_workbench

STORED = Path(__file__).parent / "stored" / "schema-0001.json"
REVISIONS = sorted(
    script.revision
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    if script.revision != HEAD
)


def upgrade(database: Database, revision: str) -> None:
    config = alembic_config()
    with database.migration() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def fill(database: Database) -> None:
    """Put the stored tables into a store of schema 0001."""
    stored: dict[str, list[dict[str, Any]]] = json.loads(STORED.read_text("utf-8"))
    del stored["alembic_version"]
    tables = MetaData()
    with database.write() as connection:
        tables.reflect(connection)
        for table in tables.sorted_tables:
            rows = stored.pop(table.name, [])
            for row in rows:
                for column in table.columns:
                    value = row[column.name]
                    if isinstance(column.type, DateTime) and value is not None:
                        row[column.name] = datetime.fromisoformat(value).replace(tzinfo=UTC)
            if rows:
                connection.execute(insert(table), rows)
            key = next((c.name for c in table.primary_key if c.autoincrement is True), None)
            if not database.is_sqlite and key is not None and rows:
                sequence = f"pg_get_serial_sequence('{table.name}', '{key}')"
                greatest = f"(SELECT max({key}) FROM {table.name})"
                connection.execute(text(f"SELECT setval({sequence}, {greatest})"))
        assert stored == {}


def assert_backed_up(settings: Settings, revision: str) -> None:
    """The copy has every row and is an SQLite store of the schema before."""
    (copy,) = (settings.data_dir / "backups").glob(f"*-schema-{revision}.sqlite3")
    stored: dict[str, list[dict[str, Any]]] = json.loads(STORED.read_text("utf-8"))
    with closing(sqlite3.connect(copy)) as connection:
        for table, rows in stored.items():
            (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert count == len(rows), table
        times = connection.execute("SELECT created_at FROM evaluations").fetchall()
        made = {str(row["created_at"])[:19] for row in stored["evaluations"]}
        assert {str(time)[:19] for (time,) in times} == made


def test_the_copy_before_a_migration_can_be_turned_off(empty_settings: Settings) -> None:
    database = Database(empty_settings.resolved_database_url)
    upgrade(database, "0001")
    database.close()
    open_workbench(empty_settings.model_copy(update={"migration_backup": False})).close()
    assert not (empty_settings.data_dir / "backups").exists()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_any_schema_is_brought_up_to_date_whole(
    empty_settings: Settings, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(empty_settings.resolved_database_url)
    upgrade(database, "0001")
    fill(database)
    upgrade(database, revision)
    database.close()

    workbench = open_workbench(empty_settings)
    assert_backed_up(empty_settings, revision)
    runs = workbench.list_runs().items
    assert [run.state for run in runs] == ["queued", "queued", "finished", "finished"]
    for run in runs[2:]:
        rows = workbench.rows(run.id)
        assert rows.total == run.progress.scored == 8
        assert all(row.reply and len(row.scores) == 2 for row in rows.items)
        assert {summary.metric for summary in run.summary} == {"exact_match", "squad_f1"}
        by_place = list(workbench.store.iterate_values(run.id, "squad_f1"))
        assert [position for position, _ in by_place] == [0, 0, 1, 1, 2, 2, 3, 3]
        # An index of texts knows those that were there before it.
        monkeypatch.setattr("prompt_app.storage.samples.with_text", None)
        assert workbench.rows(run.id, RowFilter(text="Capital of Peru")).total == 2
    assert workbench.dataset("cities").rows == 4
    assert workbench.examples(workbench.dataset("cities"))[3].fields["answers"] == ["東京"]
    assert workbench.prompt("plain", "production").number == 1
    assert workbench.store.learned_unsupported("offline:echo") == {"top_k": "Not taken."}
    assert workbench.evaluation(runs[3].evaluation_id).max_cost_usd == 5.0

    asyncio.run(workbench.work(asyncio.Event(), until_idle=True))
    assert {run.state for run in workbench.list_runs().items} == {"finished"}
    workbench.close()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_row_of_every_table_of_any_schema_is_kept(
    revision: str, empty_settings: Settings
) -> None:
    """Tables that came later than the first schema have rows too; a row has the same values
    afterwards, in every column that is still there."""
    database = Database(empty_settings.resolved_database_url)
    try:
        upgrade(database, revision)
        before = MetaData()
        with database.write() as connection:
            before.reflect(connection)
            tables = [table for table in before.sorted_tables if is_own(table)]
            rows: dict[str, dict[str, Any]] = {}
            for table in tables:
                rows[table.name] = a_row(table, rows)
                connection.execute(insert(table), rows[table.name])
        upgrade(database, HEAD)
        after = MetaData()
        with database.read() as connection:
            after.reflect(connection)
            for table in tables:
                now = after.tables[table.name]
                kept = set(now.columns.keys()) & rows[table.name].keys()
                (found,) = connection.execute(select(*(now.c[name] for name in sorted(kept))))
                assert list(found) == [rows[table.name][name] for name in sorted(kept)], table.name
    finally:
        database.close()


RECORDS = {
    ("label_queues", "queue"): '{"run_ids": ["r"]}',
    ("prompt_versions", "template"): '{"messages": [{"role": "user", "content": "x"}]}',
    ("runs", "spec"): '{"prompt": {"name": "x", "version_id": "x"}}',
}
"""What migrations read."""


def is_own(table: Table) -> bool:
    """Not the indexes of texts, which SQLite keeps in tables of their own."""
    return table.name != "alembic_version" and "_text" not in table.name


def a_row(table: Table, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Any values that fit; those of keys that other tables have are taken from there."""
    row: dict[str, Any] = {}
    for column in table.columns:
        key = next(iter(column.foreign_keys), None)
        row[column.name] = (
            a_value(table, column) if key is None else rows[key.column.table.name][key.column.name]
        )
    return row


def a_value(table: Table, column: Column[Any]) -> Any:
    if isinstance(column.type, DateTime):
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC if column.type.timezone else None)
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer | Numeric | Float):
        return 1
    if isinstance(column.type, LargeBinary):
        return b"x"
    return RECORDS.get((table.name, column.name), "x")
