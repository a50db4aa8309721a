"""Long lists with projects: how long a page of 100,000 datasets, prompts or runs takes.

    python benchmarks/lists.py
    python benchmarks/lists.py --things 20000 --stores sqlite

Three quarters of the things are in 20 projects; they are listed as an admin, and as a member of
ten of the projects. Each question is asked through the store, seven times; the median counts.
PostgreSQL is started in a temporary folder and does not wait for the disk.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Table, insert, select, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "storage"))
from building import submit
from servers import PostgresServer

from prompt_app.datamodel.project import Project, ProjectMember, ProjectRole, Reach
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.settings import Settings
from prompt_app.storage import open_store
from prompt_app.storage.project_tables import project_items
from prompt_app.storage.store import SqlStore
from prompt_app.storage.tables import dataset_versions, evaluations, prompt_versions, runs

TIMES = 7
PROJECTS = 20
AT_ONCE = 5000
STORES = ("sqlite", "postgresql")
Question = Callable[[SqlStore], object]


def questions(things: int) -> dict[str, Question]:
    deep = things // 4
    return {
        "runs: first page": lambda store: store.list_runs(),
        "runs: a page far down": lambda store: store.list_runs(offset=deep),
        "runs of one state": lambda store: store.list_runs(states=("finished",)),
        "runs: a text in one": lambda store: store.list_runs(text=f"run-{things - 7}"),
        "runs: a text in all": lambda store: store.list_runs(text="run"),
        "runs: a text in none": lambda store: store.list_runs(text="zebra"),
        "datasets: first page": lambda store: store.search_datasets(),
        "datasets: a page far down": lambda store: store.search_datasets(offset=deep),
        "datasets: a text in one": lambda store: store.search_datasets(text=f"d{things - 7}"),
        "datasets: a text in none": lambda store: store.search_datasets(text="zebra"),
        "prompts: first page": lambda store: store.search_prompts(),
        "prompts: a page far down": lambda store: store.search_prompts(offset=deep),
        "prompts: a text in one": lambda store: store.search_prompts(f"p{things - 7}"),
        "prompts: a text in none": lambda store: store.search_prompts("zebra"),
        "one run": lambda store: store.get_run("run-1"),
    }


def fill(store: SqlStore, things: int) -> None:
    """Copies of one of each, under names of their own; the first quarter is everyone's."""
    submit(store, rows=2, runs=1)
    store.save_prompt_version("plain", PromptTemplate.model_validate("Say {question}"))
    ids = []
    for number in range(PROJECTS):
        project = Project(id=f"project-{number}", name=f"project-{number}")
        member = ProjectMember(member="ann" if number % 2 else "bob", role=ProjectRole.OWNER)
        ids.append(store.create_project(project, [member]).id)
    now = datetime.now(UTC)
    numbers = range(1, things)
    copy(store, dataset_versions, numbers, lambda n: {
        "number_in_store": n + 10, "id": f"v{n}", "name": f"d{n}",
        "created_at": now + timedelta(seconds=n)})  # fmt: skip
    copy(store, prompt_versions, numbers, lambda n: {
        "name": f"p{n}", "created_at": now + timedelta(seconds=n)})  # fmt: skip
    copy(store, evaluations, numbers, lambda n: {"id": f"e{n}", "key": f"k{n}"})
    copy(store, runs, numbers, lambda n: {
        "number": n + 10, "id": f"run-{n}", "name": f"plain {n}", "evaluation_id": f"e{n}",
        "state": "finished"})  # fmt: skip
    items = [
        {"kind": kind, "name": f"{letter}{n}", "project": ids[n % PROJECTS]}
        for kind, letter in (("dataset", "d"), ("prompt", "p"), ("evaluation", "e"))
        for n in range(things // 4, things)
    ]
    with store._database.write() as connection:
        for start in range(0, len(items), AT_ONCE):
            connection.execute(insert(project_items), items[start : start + AT_ONCE])
    with store._database.writer.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ) as connection:
        connection.execute(text("ANALYZE" if store._database.is_sqlite else "VACUUM ANALYZE"))


def copy(
    store: SqlStore, table: Table, numbers: range, changes: Callable[[int], dict[str, Any]]
) -> None:
    with store._database.write() as connection:
        first = dict(connection.execute(select(table)).mappings().first() or {})
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            connection.execute(insert(table), [{**first, **changes(n)} for n in some])


@contextmanager
def a_store(kind: str) -> Iterator[SqlStore]:
    server = PostgresServer(shared_buffers="512MB") if kind == "postgresql" else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            url = SecretStr(server.url(server.create_database())) if server else None
            store = open_store(Settings(data_dir=Path(folder), database_url=url))
            assert isinstance(store, SqlStore)
            yield store
            store.close()
    finally:
        if server:
            server.close()


def median_ms(store: SqlStore, question: Question) -> float:
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        question(store)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--things", type=int, default=100_000, help="of each kind")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    arguments = parser.parse_args()
    for kind in arguments.stores:
        with a_store(kind) as store:
            fill(store, arguments.things)
            member = store.reaching(Reach(("ann",)))
            print(f"{kind}, {arguments.things:,} of each: ms as a member, as an admin")
            for name, question in questions(arguments.things).items():
                own, all_of_them = median_ms(member, question), median_ms(store, question)
                print(f"{name:32}{own:8.1f}{all_of_them:8.1f}", flush=True)


if __name__ == "__main__":
    main()
