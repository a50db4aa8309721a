"""Stops a losing run early, without losing the error rate however often it looks.

A run is compared with the first of its evaluation, example by example in the dataset's order, as
far as both have an outcome without a gap: an order that does not depend on the scores. Each look
may decide: see :mod:`prompt_app.statistics.sequential`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean

from prompt_app.datamodel.evaluation import Run, SampleKey
from prompt_app.datamodel.verdicts import Stopping
from prompt_app.engine.halting import Halt
from prompt_app.engine.plan import Selection
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import Lease, Store
from prompt_app.metrics import create_metric

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
SHARE_OF_TIME = 0.05
"""Looks take no more of the time than this."""
PAGE = 250

Outcomes = Mapping[str, Sequence[float | None]]
"""Example -> the value of each repeat, None for a failure to score."""


class EarlyStop:
    """Of one run that its evaluation may stop; the first run itself is never stopped. Of a run
    that is spread over workers by chunks, the worker of the first open chunk looks: its rows
    alone make the gapless part longer."""

    def __init__(self, store: Store, lease: Lease, halt: Halt) -> None:
        self._store = store
        self._run = lease.run
        self._chunk = lease.chunk
        self._halt = halt
        run = lease.run
        self._baseline_id = f"{run.evaluation_id}-1"
        self._stopping = run.spec.stopping
        if run.id == self._baseline_id:
            self._stopping = None

    async def watch(self) -> None:
        """Until the run is stopped, or cancelled."""
        if self._stopping is None:
            return
        wait = LOOK_SECONDS
        while not self._halt:
            await asyncio.sleep(wait)
            began = time.monotonic()
            try:
                sentence = await asyncio.to_thread(self._look, self._stopping)
            except StoreUnavailableError as error:
                logger.warning("cannot look whether to stop early: %s", error)
                continue
            if sentence:
                self._halt.ask("finished", sentence)
                return
            wait = max(LOOK_SECONDS, (time.monotonic() - began) / SHARE_OF_TIME)

    def _look(self, stopping: Stopping) -> str:
        """Why the run is to stop; empty to go on."""
        from prompt_app.statistics.sequential import Bounds, decide_sequentially

        if self._chunk is not None:
            first = self._store.first_open_chunk(self._run.id)
            if first != self._chunk.ordinal:
                return ""
        baseline = self._store.get_run(self._baseline_id)
        spec = next(each for each in self._run.spec.metrics if each.key == stopping.metric)
        info = create_metric(spec).info
        assert info.minimum is not None
        assert info.maximum is not None
        sign = -1.0 if info.direction == "lower" else 1.0
        improvements = [
            sign * (candidate - before)
            for before, candidate in self._pairs(baseline, stopping.metric)
        ]
        candidates = len(self._store.get_evaluation(self._run.evaluation_id).run_ids) - 1
        level = 1 - (1 - stopping.level) / max(1, candidates)
        width = info.maximum - info.minimum
        decision = decide_sequentially(improvements, Bounds(-width, width), level)
        if decision.outcome != "worse":
            return ""
        interval = decision.interval
        bounds = ""
        if interval is not None:
            bounds = f", {level:.3g} interval {interval.lower:+.3g} to {interval.upper:+.3g}"
        return (
            f"Stopped early: {stopping.metric} is worse than that of {baseline.id} after "
            f"{decision.examples} examples (improvement{bounds}, valid "
            "however often one looks)."
        )

    def _pairs(self, baseline: Run, metric: str) -> Iterator[tuple[float, float]]:
        """Both runs' means of each example in order, up to the first that is not through."""
        runs = (baseline, self._run)
        outcomes = [_outcomes(self._store, run, metric) for run in runs]
        for ids in self._pages(baseline):
            settled = [
                _settled(self._store, run, found, ids)
                for run, found in zip(runs, outcomes, strict=True)
            ]
            for example in ids:
                values = [each.get(example) for each in settled]
                if None in values:
                    return
                means = [_mean(value or []) for value in values]
                if means[0] is not None and means[1] is not None:
                    yield means[0], means[1]

    def _pages(self, baseline: Run) -> Iterator[list[str]]:
        """The examples that both runs have, in order."""
        selections = Selection(baseline.spec), Selection(self._run.spec)
        spec = self._run.spec
        position = -1
        while page := self._store.list_examples(
            spec.dataset_version, split=spec.split, after_position=position, limit=PAGE
        ):
            position = page[-1].position
            yield [
                example.id
                for example in page
                if all(each.wants(example) and not each.is_shot(example) for each in selections)
            ]


def _outcomes(store: Store, run: Run, metric: str) -> Outcomes:
    rows = store.iterate_outcomes(run.id, metric)
    return {
        example: [value for _, _, value in group]
        for example, group in groupby(rows, key=lambda row: row[0])
    }


def _settled(
    store: Store, run: Run, outcomes: Outcomes, ids: Sequence[str]
) -> dict[str, Sequence[float | None]]:
    """Those of ``ids`` of which every repeat is scored, or failed for good."""
    repeats = run.spec.repeats
    settled = {each: outcomes[each] for each in ids if len(outcomes.get(each, ())) == repeats}
    open_ids = [each for each in ids if each not in settled]
    states = store.sample_states(run.id, open_ids) if open_ids else {}
    for each in open_ids:
        keys = [SampleKey(example_id=each, repeat=number) for number in range(repeats)]
        failed = sum(states.get(key) == "failed" for key in keys)
        if failed and failed + len(outcomes.get(each, ())) == repeats:
            settled[each] = outcomes.get(each, ())
    return settled


def _mean(values: Sequence[float | None]) -> float | None:
    good = [value for value in values if value is not None]
    return fmean(good) if good else None


def savings_sentence(run: Run) -> str:
    """What a run that has been stopped early spared, from what it has done; empty for a run that
    could not be."""
    if run.spec.stopping is None:
        return ""
    from prompt_app.statistics.sequential import savings

    progress = run.progress
    spent = progress.cost_usd + progress.judge_cost_usd
    return savings(max(progress.total, progress.done), progress.done, spent).sentence
