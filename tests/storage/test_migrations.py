from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import inspect, text
from storage.building import answer, claimed, save_dataset, scored, submit, together

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import SchemaError, StoreError, StoreUnavailableError
from prompt_app.settings import Settings
from prompt_app.storage import migrate as migrate_module
from prompt_app.storage import open_store
from prompt_app.storage.database import Database
from prompt_app.storage.migrate import HEAD, alembic_config, migrate
from prompt_app.storage.migration_backup import KEPT_BACKUPS
from prompt_app.storage.tables import metadata

SCRIPTS = Path(migrate_module.__file__).parent / "migrations"


def database_of(settings: Settings) -> Database:
    return Database(settings.resolved_database_url)


def backups(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "backups").glob("*"))


def revision(settings: Settings) -> str | None:
    database = database_of(settings)
    with database.read() as connection:
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    database.close()
    return found


@pytest.fixture
def own_settings(empty_settings: Settings) -> Settings:
    """Of a migrated store that no other test uses."""
    open_store(empty_settings).close()
    return empty_settings


@pytest.fixture
def later_scripts(tmp_path: Path) -> Path:
    """The migrations with one more that adds a table."""
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    add_script(scripts, "9001", HEAD, 'op.execute("CREATE TABLE later (x INTEGER)")')
    return scripts


def add_script(scripts: Path, name: str, after: str, body: str) -> None:
    (scripts / "versions" / f"{name}.py").write_text(
        "from alembic import op\n"
        f"revision = {name!r}\ndown_revision = {after!r}\n"
        f"def upgrade():\n    {body}\n"
    )


def test_the_constant_is_alembics_own_head() -> None:
    directory = ScriptDirectory.from_config(alembic_config())
    assert directory.get_heads() == [HEAD]


def is_own(name: str | None, *_: object) -> bool:
    """Not the indexes of texts, which SQLite keeps in tables of their own."""
    return not any(text in (name or "") for text in ("replies_text", "examples_text"))


def test_migrations_make_the_tables_that_the_code_uses(empty_settings: Settings) -> None:
    open_store(empty_settings).close()
    database = database_of(empty_settings)
    with database.read() as connection:
        options = {"compare_type": True, "include_name": is_own}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            wanted = {index.name for index in table.indexes}
            assert {index["name"] for index in inspector.get_indexes(table.name)} >= wanted
        made = [name for name in inspector.get_table_names() if is_own(name)]
    database.close()
    assert set(made) == {*metadata.tables, "alembic_version"}
    if empty_settings.database_url is None:
        with sqlite3.connect(empty_settings.data_dir / "prompt-app.sqlite3") as connection:
            for name in ("scores", "version_rows"):
                (statement,) = connection.execute(
                    "SELECT sql FROM sqlite_master WHERE name = ?", [name]
                ).fetchone()
                assert "WITHOUT ROWID" in statement


def test_an_up_to_date_store_is_opened_with_few_imports(settings: Settings) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from prompt_app.storage.database import Database\n"
        "from prompt_app.storage.migrate import migrate\n"
        f"migrate(Database({settings.resolved_database_url!r}), Path({str(settings.data_dir)!r}))\n"
        "import prompt_app.storage.store\n"
        "print(*(name for name in ('alembic', 'sqlalchemy.dialects.sqlite', "
        "'sqlalchemy.dialects.postgresql', 'boto3') if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    own = "sqlite" if settings.database_url is None else "postgresql"
    assert done.stdout.strip() == f"sqlalchemy.dialects.{own}"


def test_a_new_store_needs_no_backup(empty_settings: Settings) -> None:
    open_store(empty_settings).close()
    assert revision(empty_settings) == HEAD
    assert backups(empty_settings) == []


def test_a_migration_keeps_the_data_and_backs_it_up_first(
    own_settings: Settings, later_scripts: Path
) -> None:
    store = open_store(own_settings)
    version = save_dataset(store)
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), scored(0, 0.5)))
    run = store.list_runs().items[0]
    samples = list(store.iterate_samples(run.id))
    store.close()
    database = database_of(own_settings)
    migrate(database, own_settings.data_dir / "backups", later_scripts)
    database.close()
    assert revision(own_settings) == "9001"
    (copy,) = backups(own_settings)
    assert copy.stat().st_mode & 0o077 == 0
    old = Settings(data_dir=own_settings.data_dir / "old")
    old.data_dir.mkdir()
    shutil.copy(copy, old.data_dir / "prompt-app.sqlite3")
    assert revision(old) == HEAD
    restored = open_store(old)
    assert restored.get_dataset_version("data") == version
    assert restored.list_runs().items == (run,)
    assert list(restored.iterate_samples(run.id)) == samples != []
    restored.close()


def test_a_store_newer_than_the_app_is_refused_untouched(
    own_settings: Settings, later_scripts: Path
) -> None:
    database = database_of(own_settings)
    migrate(database, own_settings.data_dir / "backups", later_scripts)
    database.close()
    kept = backups(own_settings)
    with pytest.raises(SchemaError, match="'9001', which this version of the app does not know"):
        open_store(own_settings)
    assert (revision(own_settings), backups(own_settings)) == ("9001", kept)


@pytest.mark.parametrize(
    "fault", ['raise ValueError("no")', 'op.execute("INSERT INTO nowhere VALUES (1)")']
)
def test_a_failed_migration_leaves_the_store_as_it_was(
    own_settings: Settings, later_scripts: Path, fault: str
) -> None:
    store = open_store(own_settings)
    version = save_dataset(store)
    store.close()
    breaks = f'op.execute("CREATE TABLE half (x INTEGER)"); op.drop_table("prompt_labels"); {fault}'
    add_script(later_scripts, "9002", "9001", breaks)
    database = database_of(own_settings)
    with pytest.raises(SchemaError, match="failed and was undone"):
        migrate(database, own_settings.data_dir / "backups", later_scripts)
    with database.read() as connection:
        names = inspect(connection).get_table_names()
    database.close()
    assert {name for name in names if is_own(name)} == {*metadata.tables, "alembic_version"}
    assert revision(own_settings) == HEAD
    store = open_store(own_settings)
    assert store.get_dataset_version("data") == version
    store.close()


def test_a_failed_first_migration_leaves_an_empty_database(
    empty_settings: Settings, later_scripts: Path
) -> None:
    add_script(later_scripts, "9002", "9001", 'raise ValueError("no")')
    database = database_of(empty_settings)
    with pytest.raises(SchemaError):
        migrate(database, empty_settings.data_dir / "backups", later_scripts)
    with database.read() as connection:
        assert inspect(connection).get_table_names() == []
    database.close()


def test_the_last_five_backups_are_kept(sqlite_template: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    shutil.copy(sqlite_template, tmp_path / "prompt-app.sqlite3")
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    before = HEAD
    for number in range(9001, 9008):
        add_script(scripts, str(number), before, "pass")
        before = str(number)
        database = database_of(settings)
        migrate(database, tmp_path / "backups", scripts)
        database.close()
    names = [path.name for path in backups(settings)]
    assert len(names) == KEPT_BACKUPS == 5
    assert [name.rpartition("-")[2] for name in names] == [
        f"{number}.sqlite3" for number in range(9002, 9007)
    ]


def test_without_a_backup_nothing_is_migrated(
    sqlite_template: Path, tmp_path: Path, later_scripts: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    shutil.copy(sqlite_template, tmp_path / "prompt-app.sqlite3")
    (tmp_path / "backups").write_text("a file where the folder should be")
    database = database_of(settings)
    with pytest.raises(SchemaError, match=r"its backup into .* failed"):
        migrate(database, tmp_path / "backups", later_scripts)
    database.close()
    assert revision(settings) == HEAD


def test_processes_that_open_a_new_store_at_once_take_turns(empty_settings: Settings) -> None:
    url = empty_settings.resolved_database_url
    program = (
        "from pathlib import Path\n"
        "from pydantic import SecretStr\n"
        "from prompt_app.settings import Settings\n"
        "from prompt_app.storage import open_store\n"
        f"open_store(Settings(data_dir=Path({str(empty_settings.data_dir)!r}), "
        f"database_url=SecretStr({url!r}))).close()\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert errors == [""] * 4
    assert revision(empty_settings) == HEAD


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "prompt-app.sqlite3"
    file.write_text("This is no database. " * 100)
    with pytest.raises(StoreError, match=r"damaged or no SQLite database .* 'backups'"):
        open_store(Settings(data_dir=tmp_path))


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    url = SecretStr("postgresql://me:very-secret@127.0.0.1:1/db?password=also-secret")
    with pytest.raises(StoreUnavailableError) as raised:
        open_store(Settings(data_dir=tmp_path, database_url=url))
    assert "127.0.0.1" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_rebuilt_table_keeps_the_rows_that_point_to_it(
    own_settings: Settings, later_scripts: Path
) -> None:
    store = open_store(own_settings)
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), scored(0, 0.5)))
    store.close()
    rebuild = (
        "import sqlalchemy as sa\n"
        "    for name in ('samples', 'runs'):\n"
        "        with op.batch_alter_table(name) as table:\n"
        "            table.add_column(sa.Column('more', sa.Text()))\n"
        "            table.alter_column('state', existing_type=sa.Text(), server_default='x')"
    )
    add_script(later_scripts, "9002", "9001", rebuild)
    database = database_of(own_settings)
    migrate(database, own_settings.data_dir / "backups", later_scripts)
    with database.read() as connection:
        counts = [
            connection.scalar(text(f"SELECT count(*) FROM {table}"))
            for table in ("runs", "samples", "scores")
        ]
    with database.write() as connection:
        if database.is_sqlite:
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()
    assert counts == [1, 1, 1]


def test_a_migration_that_leaves_a_row_pointing_nowhere_is_undone(
    sqlite_settings: Settings, later_scripts: Path
) -> None:
    store = open_store(sqlite_settings)
    submit(store)
    store.close()
    add_script(later_scripts, "9002", "9001", 'op.execute("DELETE FROM evaluations")')
    database = database_of(sqlite_settings)
    with pytest.raises(SchemaError, match="rows of runs point to no row of evaluations"):
        migrate(database, sqlite_settings.data_dir / "backups", later_scripts)
    database.close()
    store = open_store(sqlite_settings)
    assert store.list_runs().total == 1
    store.close()


def test_runs_and_prompts_from_before_are_found_by_their_prompt(own_settings: Settings) -> None:
    store = open_store(own_settings)
    _, (run,) = submit(store)
    store.save_prompt_version("greet", PromptTemplate.model_validate("HELLO \0 {name}"))
    store.close()
    directory = ScriptDirectory.from_config(alembic_config())
    module = next(each.module for each in directory.walk_revisions() if "prompt_uses" in each.path)
    database = database_of(own_settings)
    with database.write() as connection:
        connection.execute(text("UPDATE runs SET prompt_name = '', prompt_version = ''"))
        connection.execute(text("UPDATE prompt_versions SET folded = ''"))
        with Operations.context(MigrationContext.configure(connection)):
            module.name_the_prompts()
            module.fold_the_prompts()
    database.close()
    store = open_store(own_settings)
    assert [each.id for each in store.list_prompt_runs("plain").items] == [run.id]
    version_id = run.spec.prompt.version_id
    assert store.count_prompt_runs("plain") == {version_id: 1}
    assert [each.name for each in store.search_prompts("hello").items] == ["greet"]
    store.close()
