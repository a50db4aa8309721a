"""What a batch adds to its run's counts and to its evaluation's spend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, update
from sqlalchemy.sql.dml import Update

from prompt_app.datamodel.model import TokenUsage
from prompt_app.interfaces import SampleResult, StoredReply, WriteBatch
from prompt_app.storage.chunk_tables import chunks
from prompt_app.storage.tables import evaluations, runs


@dataclass(slots=True)
class Counts:
    """What a batch adds to the run's row."""

    answered: int = 0
    scored: int = 0
    failed: int = 0
    cached: int = 0
    cost_usd: float = 0.0
    judge_cost_usd: float = 0.0
    usage: list[TokenUsage] = field(default_factory=list)

    def add_results(self, new: Sequence[SampleResult], stored: Sequence[StoredReply]) -> None:
        usage = {reply.id: reply.reply.usage for reply in stored}
        for result in new:
            self.cost_usd += result.cost_usd
            if result.reply_id is None:
                self.failed += 1
                continue
            self.answered += 1
            if result.cached:
                self.cached += 1
            elif result.reply_id in usage:
                self.usage.append(usage[result.reply_id])

    def columns(self) -> dict[str, int | float]:
        return {
            "add_answered": self.answered,
            "add_scored": self.scored,
            "add_failed": self.failed,
            "add_cached": self.cached,
            "add_cost": self.cost_usd,
            "add_judge_cost": self.judge_cost_usd,
            "add_input": sum(usage.input for usage in self.usage),
            "add_output": sum(usage.output for usage in self.usage),
            "add_cached_input": sum(usage.cached_input for usage in self.usage),
            "add_cache_write": sum(usage.cache_write for usage in self.usage),
            "add_reasoning": sum(usage.reasoning for usage in self.usage),
        }


def add_counts(
    connection: Connection, table: Table, held: Row[Any], counts: Counts, batch: WriteBatch
) -> None:
    """Add to the row of ``table`` that is held, and to its evaluation's spend. A chunk tells the
    spend later where there is no cap, so that its evaluation's row is not fought over."""
    released = min(batch.released_nanousd, held.reserved_nanousd)
    values = {"holder": held.holder, "released": released, **counts.columns()}
    if table is chunks:
        later = 0 if held.capped else batch.spent_nanousd
        connection.execute(_COUNT_CHUNK, {**values, "spent_later": later})
    else:
        connection.execute(_COUNT_RUN, values)
    if released or (held.capped and batch.spent_nanousd):
        spend = {"evaluation": held.evaluation_id, "released": released}
        connection.execute(SPEND, {**spend, "spent": batch.spent_nanousd})


def _count(table: Table) -> Update:
    return (
        update(table)
        .where(table.c.number == bindparam("holder"))
        .values(
            heartbeat=table.c.heartbeat + 1,
            batches=table.c.batches + 1,
            answered=table.c.answered + bindparam("add_answered"),
            scored=table.c.scored + bindparam("add_scored"),
            failed=table.c.failed + bindparam("add_failed"),
            cached=table.c.cached + bindparam("add_cached"),
            cost_usd=table.c.cost_usd + bindparam("add_cost"),
            judge_cost_usd=table.c.judge_cost_usd + bindparam("add_judge_cost"),
            input_tokens=table.c.input_tokens + bindparam("add_input"),
            output_tokens=table.c.output_tokens + bindparam("add_output"),
            cached_input_tokens=table.c.cached_input_tokens + bindparam("add_cached_input"),
            cache_write_tokens=table.c.cache_write_tokens + bindparam("add_cache_write"),
            reasoning_tokens=table.c.reasoning_tokens + bindparam("add_reasoning"),
            reserved_nanousd=table.c.reserved_nanousd - bindparam("released"),
        )
    )


_COUNT_RUN = _count(runs)
_COUNT_CHUNK = _count(chunks).values(
    spent_nanousd=chunks.c.spent_nanousd + bindparam("spent_later")
)
SPEND = (
    update(evaluations)
    .where(evaluations.c.id == bindparam("evaluation"))
    .values(
        reserved_nanousd=evaluations.c.reserved_nanousd - bindparam("released"),
        spent_nanousd=evaluations.c.spent_nanousd + bindparam("spent"),
    )
)
