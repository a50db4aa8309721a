"""A PostgreSQL store with millions of samples: how long the pages' questions take.

    python benchmarks/storage_at_size.py                        1 million samples
    python benchmarks/storage_at_size.py --samples 10000000     some 12 GB on the disk, minutes

The server is started in a temporary folder. Rows are made inside it: runs of 100,000 samples and
one of a tenth of all (at least 100,000), each sample with a score, and a reply that ten samples
share. Each question is asked of the large run through the store, five times; the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "storage"))
from building import submit
from servers import PostgresServer

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.evaluation import SampleKey
from prompt_app.interfaces import RowFilter
from prompt_app.settings import Settings
from prompt_app.storage import open_store
from prompt_app.storage.store import SqlStore

ORDINARY = 100_000
REPLY = (
    '{"outputs":[{"text":"An answer of some length to question TEXT"}],'
    '"usage":{"input":120,"output":40},"latency_seconds":0.8}'
)

FILL = """
INSERT INTO replies (id, cache_key, latency_seconds, cost_usd, created_at, folded, reply)
SELECT 'r' || n, 'k' || n, random() * 5, 0.001, now(),
       'an answer of some length to question ' || n, replace(%(reply)s, 'TEXT', n::text)
FROM generate_series(1, %(replies)s) n;

INSERT INTO samples (run, example_id, repeat, position, state, reply, cached, cost_usd,
                     latency_seconds, attempts, error_kind, error_message, answered_at)
SELECT r.number, 'e' || p, 0, p, CASE WHEN p %% 100 = 7 THEN 'failed' ELSE 'scored' END,
       CASE WHEN p %% 100 = 7 THEN NULL ELSE 1 + (r.number * 7919 + p) %% %(replies)s END,
       false, 0.001, random() * 5, 1,
       CASE WHEN p %% 100 = 7 THEN 'server' END,
       CASE WHEN p %% 100 = 7 THEN 'The server failed.' END, now()
FROM runs r, generate_series(0, CASE WHEN r.number = %(large)s THEN %(large_rows)s
                                ELSE %(ordinary)s END - 1) p;

INSERT INTO scores (sample, metric, run, value, version, failure_kind, failure_message, cost_usd)
SELECT number, 'exact_match', run, CASE WHEN position %% 50 = 3 THEN NULL ELSE random() END,
       '1', CASE WHEN position %% 50 = 3 THEN 'metric' END,
       CASE WHEN position %% 50 = 3 THEN 'It has no reference.' END, 0
FROM samples WHERE state = 'scored';
"""


def fill(server: PostgresServer, database: str, store: SqlStore, samples: int) -> str:
    """The id of the large run."""
    large_rows = max(ORDINARY, samples // 10)
    rows = (
        Example(id=f"e{n}", position=n, fields={"question": f"Question {n}?", "answers": ["x"]})
        for n in range(large_rows)
    )
    count = 1 + max(1, (samples - large_rows) // ORDINARY)
    _, runs = submit(store, rows=rows, runs=count)
    with server.connect(database) as connection:
        found = connection.execute("SELECT number FROM runs WHERE id = %s", [runs[0].id])
        (large,) = found.fetchone() or (0,)
        values = {
            "reply": REPLY,
            "replies": max(1, samples // 10),
            "large": large,
            "large_rows": large_rows,
            "ordinary": ORDINARY,
        }
        for statement in FILL.split(";\n"):
            if statement.strip():
                started = time.perf_counter()
                connection.execute(statement.encode(), values)
                table = statement.split()[2]
                print(f"  {table}: {time.perf_counter() - started:.0f} s", flush=True)
        connection.execute(
            "UPDATE runs r SET state = 'finished', answered = c.good, scored = c.good, "
            "failed = c.bad, total = c.good + c.bad FROM (SELECT run, "
            "count(*) FILTER (WHERE state = 'scored') good, "
            "count(*) FILTER (WHERE state = 'failed') bad FROM samples GROUP BY run) c "
            "WHERE c.run = r.number"
        )
        connection.execute("VACUUM ANALYZE")
    return runs[0].id


def questions(store: SqlStore, run: str, rows: int) -> dict[str, Callable[[], object]]:
    def page(offset: int = 0, **wanted: object) -> Callable[[], object]:
        return lambda: store.list_samples(run, RowFilter(**wanted), offset=offset)  # type: ignore[arg-type]

    ids = [f"e{n}" for n in range(rows // 2, rows // 2 + 250)]
    return {
        "runs, first page": store.list_runs,
        "rows, first page": page(),
        "rows, in the middle": page(offset=rows // 2),
        "rows, last page": page(offset=rows - 50),
        "failed rows, first page": page(state="failed"),
        "failed rows, last page": page(offset=rows // 100 - 50, state="failed"),
        "by score, lowest first": page(metric="exact_match", sort="score"),
        "by score, middle": page(offset=rows // 2, metric="exact_match", sort="score"),
        "slowest first": page(sort="latency", descending=True),
        "score above 0.999": page(metric="exact_match", minimum=0.999),
        "metric failed": page(metric="exact_match", metric_failed=True),
        "text in a reply": page(text="question 4711 "),
        "one row": lambda: store.get_sample(run, SampleKey(example_id=ids[0])),
        "errors by kind": lambda: store.count_errors(run),
        "a worker's page of states": lambda: store.sample_states(run, ids),
        "one page of outcomes": lambda: next(store.iterate_outcomes(run, "exact_match")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    arguments = parser.parse_args()
    server = PostgresServer()
    try:
        database = server.create_database()
        with tempfile.TemporaryDirectory() as folder:
            url = SecretStr(server.url(database))
            store = open_store(Settings(data_dir=Path(folder), database_url=url))
            assert isinstance(store, SqlStore)
            print(f"{arguments.samples:,} samples", flush=True)
            run = fill(server, database, store, arguments.samples)
            rows = store.get_run(run).progress.total
            print(f"{'question, of a run of ' + format(rows, ','):44}{'median ms':>10}{'most':>8}")
            for name, ask in questions(store, run, rows).items():
                times = []
                for _ in range(5):
                    started = time.perf_counter()
                    ask()
                    times.append((time.perf_counter() - started) * 1000)
                print(f"{name:44}{statistics.median(times):10.1f}{max(times):8.0f}", flush=True)
            store.close()
    finally:
        server.end_connections(database)
        server.close()


if __name__ == "__main__":
    main()
