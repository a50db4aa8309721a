"""A PostgreSQL store with millions of samples: how long the pages' questions take.

    python benchmarks/storage_at_size.py                        1 million samples
    python benchmarks/storage_at_size.py --samples 10000000     11 GB on the disk, minutes
    python benchmarks/storage_at_size.py --database postgresql://...   one that is filled already

The server is started in a temporary folder (of TMPDIR). Rows are made inside it: one run of a
tenth of all samples (at least 100,000), the others of 100,000, over two datasets. Every sample has
a score, those of the large run two; ten samples share a reply of some 40 words. Each question is
asked through the store, five times; the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "storage"))
from building import submit
from servers import PostgresServer

from prompt_app.datamodel.evaluation import SampleKey
from prompt_app.datamodel.serving import UsageFilter
from prompt_app.interfaces import RowFilter
from prompt_app.interfaces.pairing import PairFilter
from prompt_app.settings import Settings
from prompt_app.storage import open_store
from prompt_app.storage.store import SqlStore

Question = Callable[[], object]

ORDINARY = 100_000
TIMES = 5
SECONDS = 0.1
"""What the run's page gives a search."""
SERVER = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
}
"""As a small managed database on an SSD has it."""

FILL = """
CREATE TABLE words AS SELECT n, 'word' || n AS word FROM generate_series(0, 2999) n;
CREATE TABLE texts AS SELECT texts.n AS t, string_agg(word, ' ') AS text
FROM generate_series(0, 4999) AS texts(n), LATERAL (
  SELECT word FROM words WHERE mod(words.n, 75) = mod(texts.n, 75) ORDER BY random()
) chosen GROUP BY texts.n;

INSERT INTO replies (id, cache_key, latency_seconds, cost_usd, created_at, folded, reply)
SELECT 'r' || n, 'k' || n, random() * 5, 0.001, now(),
       'the answer to question ' || n || ' is ' || text,
       '{"outputs":[{"text":"The answer to question ' || n || ' is ' || text
       || '"}],"usage":{"input":120,"output":40},"latency_seconds":0.8}'
FROM generate_series(1, %(replies)s) n JOIN texts ON t = mod(n * 7, 5000);

INSERT INTO examples (fingerprint, folded, fields)
SELECT 'bench-' || n, 'question ' || n || '? about ' || text,
       '{"question":"Question ' || n || '? About ' || text || '","answers":["x"]}'
FROM generate_series(0, %(large_rows)s - 1) n JOIN texts ON t = mod(n, 5000);

INSERT INTO version_rows (version, position, example_id, example)
SELECT v.number_in_store, substr(fingerprint, 7)::int, 'e' || substr(fingerprint, 7), e.number
FROM dataset_versions v, examples e
WHERE starts_with(fingerprint, 'bench-') AND substr(fingerprint, 7)::int
  < CASE WHEN v.rows = 2 THEN %(large_rows)s ELSE %(ordinary)s END AND v.rows < 10
ORDER BY 1, 2;

INSERT INTO samples (run, example_id, repeat, position, state, reply, cached, cost_usd,
                     latency_seconds, attempts, error_kind, error_message, answered_at)
SELECT r.number, 'e' || p, 0, p, CASE WHEN mod(p, 100) = 7 THEN 'failed' ELSE 'scored' END,
       CASE WHEN mod(p, 100) = 7 THEN NULL ELSE 1 + mod(r.number * 7919 + p, %(replies)s) END,
       false, 0.001 * (mod(p, 90)), CASE WHEN mod(p, 100) = 7 THEN NULL ELSE random() * 5 END, 1,
       CASE WHEN mod(p, 300) = 7 THEN 'server' WHEN mod(p, 100) = 7 THEN 'timeout' END,
       CASE WHEN mod(p, 100) = 7 THEN 'The server failed.' END, now()
FROM runs r, generate_series(0, CASE WHEN r.number = %(large)s THEN %(large_rows)s
                                ELSE %(ordinary)s END - 1) p;

INSERT INTO scores (sample, metric, run, value, version, failure_kind, failure_message, cost_usd,
                    position, repeat)
SELECT number, metric, run,
       CASE WHEN mod(position, 50) = 3 THEN NULL WHEN metric = 'f1' THEN random()
            ELSE (random() < 0.7)::int END,
       '1', CASE WHEN mod(position, 50) = 3 THEN 'metric' END,
       CASE WHEN mod(position, 50) = 3 THEN 'It has no reference.' END, 0, position, repeat
FROM samples, unnest(ARRAY['f1', 'exact_match']) metric
WHERE state = 'scored' AND (metric = 'f1' OR run = %(large)s);

INSERT INTO usage_records (id, at, day, token, person, route, model, target, prompt,
  prompt_version, input_tokens, output_tokens, cost_usd, saved_usd, latency_ms, cached, streamed,
  status, error_kind)
SELECT 'u' || n, at, to_char(at, 'YYYY-MM-DD'), 't' || mod(n, 20), 'p' || mod(n, 7), 'chat', 'm',
       'openai:m' || mod(n, 5), '', NULL, 120, 40, 0.001, 0, 800, false, false,
       CASE WHEN mod(n, 50) = 0 THEN 500 ELSE 200 END, ''
FROM generate_series(1, %(usage)s) n, LATERAL (
  SELECT now() - (%(usage)s - n) * interval '2.6 seconds' AS at) moment;

INSERT INTO usage_days
SELECT day, token, person, target, prompt, count(*), count(*) FILTER (WHERE status >= 400), 0,
       sum(input_tokens), sum(output_tokens), count(*) FILTER (WHERE status < 400), sum(cost_usd),
       0, sum(latency_ms)
FROM usage_records GROUP BY day, token, person, target, prompt;

UPDATE dataset_versions SET rows = CASE WHEN rows = 2 THEN %(large_rows)s ELSE %(ordinary)s END;
UPDATE runs r SET state = 'finished', answered = c.good, scored = c.good, failed = c.bad,
       total = c.good + c.bad, cost_usd = 1, ended_at = now()
FROM (SELECT run, count(*) FILTER (WHERE state = 'scored') good,
             count(*) FILTER (WHERE state = 'failed') bad FROM samples GROUP BY run) c
WHERE c.run = r.number;
UPDATE runs SET summary = (
  SELECT json_agg(json_build_object('metric', metric, 'mean', 0.5, 'interval', NULL,
    'examples', good, 'scored', good, 'failed', bad, 'skipped', 0, 'direction', 'higher',
    'unit', '', 'kind', 'mean'))::text
  FROM (SELECT metric, count(value) good, count(*) - count(value) bad FROM scores
        WHERE run = runs.number GROUP BY metric) counted);
DROP TABLE words, texts
"""


def fill(url: str, store: SqlStore, samples: int) -> None:
    large_rows = max(ORDINARY, samples // 10)
    metrics = ("f1", "exact_match")
    _, runs = submit(store, rows=2, runs=1, metrics=metrics)
    submit(store, rows=3, runs=max(1, (samples - large_rows) // ORDINARY), metrics=metrics[:1])
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DELETE FROM version_rows")
        found = connection.execute("SELECT number FROM runs WHERE id = %s", [runs[0].id])
        (large,) = found.fetchone() or (0,)
        values = {
            "replies": max(1, samples // 10),
            "usage": max(1, samples // 10),
            "large": large,
            "large_rows": large_rows,
            "ordinary": ORDINARY,
        }
        for statement in [*FILL.split(";\n"), "VACUUM ANALYZE"]:
            started = time.perf_counter()
            connection.execute(statement.encode(), values if "%" in statement else None)
            seconds = time.perf_counter() - started
            if seconds > 1:
                print(f"  {' '.join(statement.split()[:3])}: {seconds:.0f} s", flush=True)


def row_questions(store: SqlStore, run: str, rows: int) -> dict[str, Question]:
    def page(offset: int = 0, **wanted: Any) -> Question:
        row_filter = RowFilter(**wanted)
        return lambda: store.list_samples(run, row_filter, offset=offset, limit=25, seconds=SECONDS)

    score: dict[str, Any] = {"metric": "f1", "sort": "score"}
    middle, last = rows // 2 + 1000, rows - 25
    return {
        "rows: first page": page(),
        "rows: middle": page(middle),
        "rows: last page": page(last),
        "failed: first page": page(state="failed"),
        "failed: last page": page(rows // 100 - 25, state="failed"),
        "scored: first page": page(state="scored"),
        "scored: middle": page(middle, state="scored"),
        "one kind of error": page(error_kind="timeout"),
        "one kind of error: last page": page(rows // 150 - 25, error_kind="timeout"),
        "lowest score first": page(**score),
        "lowest score first: middle": page(middle, **score),
        "lowest score first: last page": page(last, **score),
        "highest score first": page(**score, descending=True),
        "lowest of 0 or 1 first": page(metric="exact_match", sort="score"),
        "slowest first": page(sort="latency", descending=True),
        "slowest first: middle": page(middle, sort="latency", descending=True),
        "dearest first": page(sort="cost", descending=True),
        "dearest first: middle": page(middle, sort="cost", descending=True),
        "score 0 to 0.2": page(metric="f1", minimum=0.0, maximum=0.2),
        "score 0 to 0.2: middle": page(rows // 10, metric="f1", minimum=0.0, maximum=0.2),
        "score above 0.999": page(metric="f1", minimum=0.999),
        "score 0 to 0.2, highest first": page(**score, maximum=0.2, descending=True),
        "score 0 to 0.2, slowest first": page(
            metric="f1", maximum=0.2, sort="latency", descending=True
        ),
        "score above 0.999, dearest first": page(
            metric="f1", minimum=0.999, sort="cost", descending=True
        ),
        "metric failed": page(metric="f1", metric_failed=True),
        "metric failed: last page": page(rows // 51 - 30, metric="f1", metric_failed=True),
        "text in one reply": page(text="question 4711 "),
        "text in some replies": page(text="word1234 word"),
        "text in all replies": page(text="answer to"),
        "text in all replies, slowest first": page(
            text="answer to", sort="latency", descending=True
        ),
        "text in one row": page(text="question 654321?"),
        "text that is nowhere": page(text="zzzzqqqq"),
        "text of two letters that is nowhere": page(text="zq"),
        "text in one reply, lowest score first": page(text="question 4711 ", **score),
    }


def other_questions(store: SqlStore, run: str, rows: int) -> dict[str, Question]:
    ids = [f"e{n}" for n in range(rows // 2, rows // 2 + 250)]
    others = [each.id for each in store.list_runs(limit=2).items]  # of one dataset version
    return {
        "runs: first page": store.list_runs,
        "runs of one state": lambda: store.list_runs(states=("running",)),
        "runs by part of a name": lambda: store.list_runs(text="echo 2-7"),
        "one run": lambda: store.get_run(run),
        "one row": lambda: store.get_sample(run, SampleKey(example_id=ids[0])),
        "errors by kind": lambda: store.count_errors(run),
        "flips of two runs of 100,000": lambda: store.list_pairs(
            others[0], others[1], PairFilter("f1", change="down")
        ),
        "spend of a week": lambda: store.spend_since(datetime.now(UTC) - timedelta(days=7)),
        "usage by day": lambda: store.usage_totals("day", UsageFilter()),
        "usage by person": lambda: store.usage_totals("person", UsageFilter()),
        "calls: first page": lambda: store.list_usage(UsageFilter()),
        "calls that failed": lambda: store.list_usage(UsageFilter(failed=True)),
        "a worker's look at 250 rows": lambda: store.sample_states(run, ids),
        "a worker's search for open rows": lambda: store.first_open_position(run, 1),
    }


def ask(store: SqlStore) -> None:
    """Of the largest run."""
    runs = store.list_runs(limit=1000).items
    largest = max(runs, key=lambda each: each.progress.total)
    rows = largest.progress.total
    samples = sum(each.progress.done for each in runs)
    print(f"{samples:,} samples in {len(runs)} runs; rows of a run of {rows:,}")
    print(f"{'question':44}{'median ms':>10}{'most':>8}")
    asked = {**row_questions(store, largest.id, rows), **other_questions(store, largest.id, rows)}
    for name, question in asked.items():
        times = []
        for _ in range(TIMES):
            started = time.perf_counter()
            question()
            times.append((time.perf_counter() - started) * 1000)
        print(f"{name:44}{statistics.median(times):10.1f}{max(times):8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--database", help="the address of a store that is filled already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.database:
            ask(opened(arguments.database, folder))
            return
        server = PostgresServer(**SERVER)
        try:
            database = server.create_database()
            store = opened(server.url(database), folder)
            fill(server.url(database), store, arguments.samples)
            ask(store)
            store.close()
            server.end_connections(database)
        finally:
            server.close()


def opened(url: str, folder: str) -> SqlStore:
    settings = Settings(data_dir=Path(folder), database_url=SecretStr(url), migration_backup=False)
    store = open_store(settings)
    assert isinstance(store, SqlStore)
    return store


if __name__ == "__main__":
    main()
