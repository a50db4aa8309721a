"""What a batch adds to its run's counts and to its evaluation's spend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, update

from prompt_app.datamodel.model import TokenUsage
from prompt_app.interfaces import SampleResult, StoredReply
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


COUNT = (
    update(runs)
    .where(runs.c.number == bindparam("run_number"))
    .values(
        heartbeat=runs.c.heartbeat + 1,
        batches=runs.c.batches + 1,
        answered=runs.c.answered + bindparam("add_answered"),
        scored=runs.c.scored + bindparam("add_scored"),
        failed=runs.c.failed + bindparam("add_failed"),
        cached=runs.c.cached + bindparam("add_cached"),
        cost_usd=runs.c.cost_usd + bindparam("add_cost"),
        judge_cost_usd=runs.c.judge_cost_usd + bindparam("add_judge_cost"),
        input_tokens=runs.c.input_tokens + bindparam("add_input"),
        output_tokens=runs.c.output_tokens + bindparam("add_output"),
        cached_input_tokens=runs.c.cached_input_tokens + bindparam("add_cached_input"),
        cache_write_tokens=runs.c.cache_write_tokens + bindparam("add_cache_write"),
        reasoning_tokens=runs.c.reasoning_tokens + bindparam("add_reasoning"),
        reserved_nanousd=runs.c.reserved_nanousd - bindparam("released"),
    )
)
SPEND = (
    update(evaluations)
    .where(evaluations.c.id == bindparam("evaluation"))
    .values(
        reserved_nanousd=evaluations.c.reserved_nanousd - bindparam("released"),
        spent_nanousd=evaluations.c.spent_nanousd + bindparam("spent"),
    )
)
