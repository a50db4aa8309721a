"""Brings what a chunk has counted into the row of its run.

A batch adds to its chunk alone. With every heartbeat, and at its end, the chunk hands over what
it has gathered: a run's row is then written twice a second for each worker, however many batches
they store.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select, update

from prompt_app.storage.chunk_tables import COUNTS, chunks
from prompt_app.storage.encoding import dump_plain
from prompt_app.storage.tables import evaluations, runs


def tell_run(connection: Connection, held: Row[Any], live: Mapping[str, Any] | None = None) -> None:
    """Move the counts of the chunk ``held`` (its row is locked) into its run. ``live`` is what
    its worker tells now: rate, concurrency, attempts that failed; absent when it has ended."""
    this_chunk, this_run = chunks.c.number == held.holder, runs.c.number == held.number
    chunk = connection.execute(select(chunks).where(this_chunk)).one()
    counts = {name: getattr(chunk, name) for name in COUNTS if getattr(chunk, name)}
    own: dict[str, Any] = {"retries": json.loads(chunk.live).get("retries", {})}
    new_retries: Counter[str] = Counter()
    if live is not None:
        new_retries = Counter(live.get("retries", {})) - Counter(own["retries"])
        own = dict(live)
    changes = {"live": dump_plain(own), "spent_nanousd": 0, **dict.fromkeys(counts, 0)}
    connection.execute(update(chunks).where(this_chunk).values(**changes))
    before = connection.execute(
        select(runs.c.live).where(this_run).with_for_update(key_share=True)
    ).scalar_one()
    retries = Counter(json.loads(before).get("retries", {})) + new_retries
    told = {**_rates(connection, held.number), "retries": dict(retries)}
    added = {name: runs.c[name] + count for name, count in counts.items()}
    connection.execute(update(runs).where(this_run).values(live=dump_plain(told), **added))
    if chunk.spent_nanousd:
        connection.execute(
            update(evaluations)
            .where(evaluations.c.id == held.evaluation_id)
            .values(spent_nanousd=evaluations.c.spent_nanousd + chunk.spent_nanousd)
        )


def _rates(connection: Connection, run: int) -> dict[str, float | int]:
    busy = select(chunks.c.live).where(chunks.c.run == run, chunks.c.state == "running")
    lives = [json.loads(live) for live in connection.scalars(busy)]
    return {
        "rate_per_second": sum(live.get("rate_per_second", 0.0) for live in lives),
        "concurrency": sum(live.get("concurrency", 0) for live in lives),
        "in_batch": sum(live.get("in_batch", 0) for live in lives),
    }
