"""Everything comes back, from either database into either."""

from __future__ import annotations

import io
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import PostgresServer
from sqlalchemy import inspect, update
from storage.building import save_dataset
from storage.conftest import settings_for
from storage.rows import ROWS, all_rows, fill_every_table

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import ConflictError, InputError, SchemaError
from prompt_app.storage import open_store
from prompt_app.storage.blobs import FolderBlobStore
from prompt_app.storage.store import SqlStore
from prompt_app.storage.tables import metadata, runs

TEMPLATE = PromptTemplate.model_validate("Answer: {question}")


@pytest.fixture(params=["into sqlite", "into postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store."""
    folder = tmp_path / "target"
    if request.param == "into sqlite":
        store = open_store(settings_for(folder, None))
        assert isinstance(store, SqlStore)
        yield store
        store.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    store = open_store(settings_for(folder, server.url(name)))
    assert isinstance(store, SqlStore)
    yield store
    store.close()
    server.drop_database(name)


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "files")


def rows_of(store: SqlStore) -> dict[str, list[dict[str, object]]]:
    with store._database.read() as connection:
        return all_rows(connection)


def test_every_row_of_every_table_comes_back(
    store: SqlStore, target: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    with store._database.write() as connection:
        made = fill_every_table(connection)
    large = bytes(range(256)) * 10_000  # of more than one part
    blobs.put("a/large.bin", io.BytesIO(large))
    blobs.put("empty", io.BytesIO(b""))
    file = tmp_path / "all.promptapp"
    told: list[tuple[str, int]] = []
    written = store.back_up(file, blobs, lambda what, done: told.append((what, done)))
    assert written.rows == dict.fromkeys(made, ROWS)
    assert {what for what, _ in told} == {*made, "files"}

    other_blobs = FolderBlobStore(tmp_path / "other")
    restored = target.restore(file, other_blobs)
    assert restored == written
    assert rows_of(target) == rows_of(store)
    assert all(rows_of(target).values())
    assert list(other_blobs.list()) == ["a/large.bin", "empty"]
    with other_blobs.open("a/large.bin") as data:
        assert data.read() == large


def test_a_restored_store_goes_on_numbering(
    store: SqlStore, target: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    save_dataset(store, rows=5)
    store.back_up(tmp_path / "file", blobs)
    target.restore(tmp_path / "file", blobs)
    save_dataset(target, name="another", rows=7)
    assert len(target.list_datasets()) == 2


def test_a_backup_is_one_whole_file_for_its_owner(
    store: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    store.save_prompt_version("greet", TEMPLATE)
    folder = tmp_path / "backups"
    folder.mkdir()
    store.back_up(folder / "file", blobs)
    assert [each.name for each in folder.iterdir()] == ["file"]
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600
    with pytest.raises(InputError, match="exists"):
        store.back_up(folder / "file", blobs)


def test_it_is_of_one_moment(store: SqlStore, blobs: FolderBlobStore, tmp_path: Path) -> None:
    store.save_prompt_version("first", TEMPLATE)
    late = PromptTemplate.model_validate("Late: {question}")

    def write_meanwhile(what: str, done: int) -> None:
        store.save_prompt_version(f"late-{what}", late)

    contents = store.back_up(tmp_path / "file", blobs, write_meanwhile)
    assert contents.rows["prompt_versions"] == 1
    assert len(store.list_prompts()) > 1


def test_only_an_empty_store_is_restored_unless_told_to_replace(
    store: SqlStore, target: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    store.save_prompt_version("greet", TEMPLATE)
    store.back_up(tmp_path / "file", blobs)
    target.save_prompt_version("other", TEMPLATE)
    save_dataset(target, rows=3)
    with pytest.raises(ConflictError, match=r"not empty .*1 prompt_versions"):
        target.restore(tmp_path / "file", blobs)
    assert [version.name for version in target.list_prompts()] == ["other"]
    target.restore(tmp_path / "file", blobs, replace=True)
    assert rows_of(target) == rows_of(store)


def test_runs_that_are_worked_on_are_not_taken_away(
    store: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    with store._database.write() as connection:
        fill_every_table(connection)
        connection.execute(update(runs).values(state="running"))
    store.back_up(tmp_path / "file", blobs)
    with pytest.raises(ConflictError, match=r"at work on 3 runs"):
        store.restore(tmp_path / "file", blobs, replace=True)
    assert all(rows_of(store).values())


def test_a_restore_that_fails_changes_nothing(
    store: SqlStore, target: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    store.save_prompt_version("greet", TEMPLATE)
    store.back_up(tmp_path / "file", blobs)
    target.save_prompt_version("other", TEMPLATE)
    before = rows_of(target)

    def fail(what: str, done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target.restore(tmp_path / "file", blobs, replace=True, progress=fail)
    assert rows_of(target) == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something else"])
def test_a_file_that_is_no_backup_is_named(
    store: SqlStore, blobs: FolderBlobStore, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match="is no backup of this app"):
        store.restore(tmp_path / "file", blobs)
    with pytest.raises(InputError, match="There is no file"):
        store.restore(tmp_path / "none", blobs)


def test_a_backup_that_was_cut_off_is_named(
    store: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    store.back_up(tmp_path / "whole", blobs)
    whole = (tmp_path / "whole").read_bytes()
    for kept in (0.9, 0.5, 0.01):
        (tmp_path / "file").write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(InputError, match=f"{tmp_path / 'file'} is damaged or was cut off"):
            store.restore(tmp_path / "file", blobs, replace=True)


def test_a_database_of_something_else_is_no_backup(
    store: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "file") as other:
        other.execute("CREATE TABLE anything (x)")
    other.close()
    with pytest.raises(InputError, match="is no backup of this app"):
        store.restore(tmp_path / "file", blobs)


def test_a_backup_of_a_newer_version_is_refused(
    store: SqlStore, blobs: FolderBlobStore, tmp_path: Path
) -> None:
    store.back_up(tmp_path / "file", blobs)
    with sqlite3.connect(tmp_path / "file") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(SchemaError, match="newer version"):
        store.restore(tmp_path / "file", blobs)


def test_a_stores_own_file_can_be_restored_too(
    sqlite_template: Path, target: SqlStore, blobs: FolderBlobStore
) -> None:
    assert target.restore(sqlite_template, blobs).row_count == 0


def test_it_tells_what_is_stored(store: SqlStore) -> None:
    save_dataset(store, rows=5)
    usage = {each.table: each for each in store.usage()}
    assert set(usage) == set(metadata.tables)
    assert usage["version_rows"].rows == 5
    assert usage["runs"].rows == 0
    size = usage["version_rows"].bytes
    assert size is None or size > 0


def test_every_table_of_the_database_is_known(store: SqlStore) -> None:
    with store._database.read() as connection:
        names = set(inspect(connection).get_table_names())
    # SQLite's own tables of an index of texts: triggers fill it in a restored store too.
    names = {name for name in names if "_text" not in name}
    assert names - {"alembic_version"} == set(metadata.tables)
