"""What the store costs: inserts as a worker makes them, and every query of a page of rows.

    python benchmarks/storage.py --rows 100000 [--database postgresql://user@host/empty]

Without an address it measures SQLite in a temporary folder. The database must be empty.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.datamodel.evaluation import (
    Evaluation,
    EvaluationSpec,
    Limits,
    Run,
    RunSpec,
    SampleKey,
)
from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Output, Reply, TokenUsage
from prompt_app.datamodel.prompt import PinnedPrompt, PromptTemplate
from prompt_app.datamodel.score import Failure, Score
from prompt_app.interfaces import (
    Lease,
    RowFilter,
    SampleResult,
    SampleScores,
    Store,
    StoredReply,
    WriteBatch,
)
from prompt_app.settings import Settings
from prompt_app.storage import open_store, this_worker

PAGES = {
    "first page": (RowFilter(), 0),
    "page in the middle": (RowFilter(), 0.5),
    "last page": (RowFilter(), 1.0),
    "by score": (RowFilter(metric="f1", sort="score"), 0),
    "by score, downward, in the middle": (
        RowFilter(metric="f1", sort="score", descending=True),
        0.5,
    ),
    "score 0 to 0.2": (RowFilter(metric="f1", minimum=0.0, maximum=0.2), 0),
    "exact match 0, by its score": (
        RowFilter(metric="exact_match", maximum=0.0, sort="score"),
        0,
    ),
    "metric failed": (RowFilter(metric="f1", metric_failed=True), 0),
    "any metric failed": (RowFilter(metric_failed=True), 0),
    "by latency": (RowFilter(sort="latency", descending=True), 0),
    "by cost": (RowFilter(sort="cost"), 0),
    "failed samples": (RowFilter(state="failed"), 0),
    "one kind of error": (RowFilter(error_kind="rate_limited"), 0),
    "text that is rare": (RowFilter(text="Needle"), 0),
    "text that is common": (RowFilter(text="THE"), 0),
    "text that is nowhere": (RowFilter(text="zzzzqqqq"), 0),
}


@dataclass
class Timing:
    """Seconds by the clock, and of this process's CPU: the latter counts SQLite's work too, but
    not a PostgreSQL server's."""

    what: str
    wall: float
    cpu: float
    rows: int = 0
    """Where a time for each row makes sense."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = SecretStr(given.database) if given.database else None
        store = open_store(Settings(data_dir=Path(folder), database_url=address))
        table = Table("what", "time", "CPU", "CPU a row")
        try:
            for timing in measure(store, given.rows, given.batch):
                each = f"{timing.cpu / timing.rows * 1e6:.1f} µs" if timing.rows else ""
                milliseconds = (f"{seconds * 1000:.1f} ms" for seconds in (timing.wall, timing.cpu))
                table.add_row(timing.what, *milliseconds, each)
        finally:
            store.close()
        Console().print(table)


def measure(store: Store, rows: int, batch: int) -> Iterator[Timing]:
    yield timed("import the dataset", partial(import_dataset, store, rows), rows)
    version = store.get_dataset_version("bench")
    lease = queue_run(store, version.id)
    yield fill(store, lease, [each.id for each in read_examples(store, version.id)], batch)
    run_id = lease.run.id
    for title, (row_filter, place) in PAGES.items():
        offset = max(0, int(rows * place) - 50)
        yield best_of_three(title, partial(page, store, run_id, row_filter, offset))
    yield best_of_three("count errors", partial(store.count_errors, run_id))
    yield best_of_three("list runs", store.list_runs)
    yield timed("all outcomes of a metric", lambda: drain(store, run_id), rows)
    yield timed(
        "all rows, for an export", lambda: sum(1 for _ in store.iterate_samples(run_id)), rows
    )


def import_dataset(store: Store, rows: int) -> None:
    store.save_dataset_version("bench", DatasetOptions(), examples(rows))


def fill(store: Store, lease: Lease, ids: Sequence[str], batch: int) -> Timing:
    whole = Timing("store replies, then scores", 0, 0, len(ids))
    for start in range(0, len(ids), batch):
        positions = range(start, min(start + batch, len(ids)))
        for prepared in (answers(ids, positions), outcomes(ids, positions)):
            one = timed("", partial(store.write_batch, lease, prepared))
            whole.wall += one.wall
            whole.cpu += one.cpu
    return whole


def page(store: Store, run_id: str, row_filter: RowFilter, offset: int) -> None:
    store.list_samples(run_id, row_filter, offset=offset, limit=50)


def drain(store: Store, run_id: str) -> int:
    return sum(1 for _ in store.iterate_outcomes(run_id, "f1"))


def timed(what: str, action: Callable[[], object], rows: int = 0) -> Timing:
    wall, cpu = time.perf_counter(), cpu_seconds()
    action()
    return Timing(what, time.perf_counter() - wall, cpu_seconds() - cpu, rows)


def best_of_three(what: str, action: Callable[[], object]) -> Timing:
    return min((timed(what, action) for _ in range(3)), key=lambda timing: timing.wall)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def examples(rows: int) -> Iterator[Example]:
    chance = random.Random(7)
    words = [f"word{number}" for number in range(3000)] + ["the", "and", "Which", "river"] * 100
    for position in range(rows):
        passage = " ".join(chance.choices(words, k=110))
        fields = {
            "question": f"Which of the rivers is number {position}?",
            "passage": passage + (" needle" if position % 5000 == 0 else ""),
            "answers": ["the Rhine"],
        }
        example = Example(id="", position=position, fields=fields)
        yield example.model_copy(update={"id": example.fingerprint})


def queue_run(store: Store, version_id: str) -> Lease:
    template = PromptTemplate.model_validate("{passage} {question}")
    spec = EvaluationSpec.model_validate(
        {
            "dataset": "bench",
            "prompts": ["bench"],
            "models": ["offline:echo"],
            "metrics": ["exact_match", {"name": "squad_f1", "key": "f1"}],
        }
    )
    run_spec = RunSpec(
        dataset_version=version_id,
        dataset_name="bench",
        reference_field="answers",
        prompt=PinnedPrompt(name="bench", version_id=template.content_id, template=template),
        model=ModelSpec(provider="offline", name="echo"),
        parameters=InferenceParameters(),
        metrics=spec.metrics,
        repeats=1,
        limits=Limits(),
        cache="use",
    )
    run = Run(id="bench-1", evaluation_id="bench", name="bench", spec=run_spec)
    store.create_evaluation(
        Evaluation(id="bench", name="bench", key="bench", spec=spec, run_ids=(run.id,)), [run]
    )
    lease = store.claim_run(this_worker())
    assert lease is not None
    return lease


def read_examples(store: Store, version_id: str) -> Iterator[Example]:
    position = -1
    while page := store.list_examples(version_id, after_position=position, limit=1000):
        yield from page
        position = page[-1].position


def answers(ids: Sequence[str], positions: range) -> WriteBatch:
    """One row in 97 fails."""
    batch = WriteBatch()
    for position in positions:
        key = SampleKey(example_id=ids[position])
        if position % 97 == 0:
            kind = "rate_limited" if position % 2 else "server"
            batch.results.append(
                SampleResult(key, position, None, error_kind=kind, error_message="It failed.")
            )
            continue
        text = f"It is the Rhine, as the passage number {position} says."
        reply = Reply(
            outputs=(Output(text=text),),
            usage=TokenUsage(input=200, output=12),
            latency_seconds=0.1 + position % 89 / 100,
            request_id=f"request-{position}",
            raw={"id": f"request-{position}", "choices": [{"message": {"content": text}}]},
        )
        reply_id = f"{position:028x}"
        cache_key = f"{hash((position, 1)) & (2**63 - 1):024x}"
        batch.replies.append(StoredReply(reply_id, cache_key, reply, 0.0001 * (position % 7)))
        batch.results.append(
            SampleResult(key, position, reply_id, cost_usd=0.0001 * (position % 7))
        )
    return batch


def outcomes(ids: Sequence[str], positions: range) -> WriteBatch:
    """Two metrics for each answered row; now and then one of them fails."""
    batch = WriteBatch()
    for position in positions:
        if position % 97 == 0:
            continue
        f1 = (
            Failure(metric="f1", kind="metric", message="no words", version="1")
            if position % 501 == 0
            else Score(metric="f1", value=position % 1009 / 1008, version="1")
        )
        exact = Score(metric="exact_match", value=float(position % 2), version="1")
        batch.scores.append(SampleScores(SampleKey(example_id=ids[position]), (exact, f1)))
    return batch


if __name__ == "__main__":
    main()
