"""The calls of one run: reads pages of work and keeps ``max_concurrency`` calls in flight."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from prompt_app.datamodel.model import Reply
from prompt_app.engine.backlog import Backlog, insist
from prompt_app.engine.halting import START_ANEW, Halt
from prompt_app.engine.item import Caller, PreparedCall, prepare_calls, run_item
from prompt_app.engine.plan import plan_work
from prompt_app.engine.scoring import ScoringJob
from prompt_app.engine.writer import Entry, GroupWriter
from prompt_app.errors import (
    BudgetExhaustedError,
    PromptAppError,
    RunBlockingError,
    UnsupportedParameterError,
)
from prompt_app.interfaces import Lease, SampleResult, Store
from prompt_app.logs import bind

logger = logging.getLogger(__name__)

PAGE = 250
FAILURES_IN_A_ROW = 20
"""So many samples given up one after another, none answered between: the provider is down."""
BLOCKING_ERRORS = (RunBlockingError, UnsupportedParameterError, BudgetExhaustedError)
"""What no other sample of the run would escape."""


class CallStage:
    """``to_score`` gets a job for each reply once that is stored; ``answered`` is told of each
    sample that has one."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a run that it connects
        self,
        store: Store,
        lease: Lease,
        caller: Caller,
        writer: GroupWriter,
        backlog: Backlog,
        halt: Halt,
        to_score: Callable[[ScoringJob], None],
        answered: Callable[[], None],
        metric_keys: frozenset[str],
    ) -> None:
        self._store = store
        self._lease = lease
        self._spec = lease.run.spec
        self.caller = caller
        self._writer = writer
        self._backlog = backlog
        self._halt = halt
        self._to_score = to_score
        self._answered = answered
        self._metric_keys = metric_keys
        self._calls: asyncio.Queue[PreparedCall | None] = asyncio.Queue(2 * PAGE)
        self._callers: list[asyncio.Task[None]] = []
        self._failures_in_a_row = 0

    async def run(self) -> None:
        """Until every sample has an outcome, or a halt."""
        reader = asyncio.create_task(self._read_pages())
        concurrency = self._spec.limits.max_concurrency
        self._callers = [asyncio.create_task(self._call_until_done()) for _ in range(concurrency)]
        tasks = [reader, *self._callers]
        try:
            await asyncio.wait(self._callers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            if any(task.done() and not task.cancelled() and task.exception() for task in tasks):
                self.abandon()
            reader.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    def abandon(self) -> None:
        """Cancel the calls in flight."""
        for task in self._callers:
            task.cancel()

    async def _read_pages(self) -> None:
        """Fill the queue; None at its end, also after an error, lets the callers finish."""
        try:
            position: int | None = self._lease.after_position
            while position is not None and not self._halt:
                prepared, position = await insist(partial(self.prepare_page, position))
                for call in prepared:
                    await self._calls.put(call)
        except Exception:
            await self._calls.put(None)
            raise
        await self._calls.put(None)

    def prepare_page(self, after: int) -> tuple[list[PreparedCall], int | None]:
        """The calls of the next page of examples, and its last position; None at the end. Rows
        behind it that are finished are passed over."""
        spec, run_id = self._spec, self._lease.run.id
        examples = self._store.list_examples(
            spec.dataset_version, split=spec.split, after_position=after, limit=PAGE
        )
        examples = [example for example in examples if self._lease.holds(example.position)]
        if not examples:
            return [], None
        states = self._store.sample_states(run_id, [example.id for example in examples])
        items = list(plan_work(spec, examples, states))
        last = examples[-1].position
        if not items:
            following = self._store.first_open_position(run_id, spec.repeats, after_position=last)
            return [], None if following is None else following - 1
        return prepare_calls(spec, run_id, items, self._store), last

    async def _call_until_done(self) -> None:
        while not self._halt:
            prepared = await self._calls.get()
            if prepared is None:
                await self._calls.put(None)
                return
            await self._backlog.enter()
            in_hand = False
            try:
                await self._writer.available.wait()
                with bind(example_id=prepared.item.key.example_id):
                    in_hand = not self._halt and await self._call(prepared)
            finally:
                if not in_hand:
                    self._backlog.leave()

    async def _call(self, prepared: PreparedCall) -> bool:
        """Whether the sample has an outcome; if so it leaves the backlog when that is stored."""
        try:
            result, reply, entry = await run_item(prepared, self.caller, self._lease, self._writer)
        except BLOCKING_ERRORS as error:
            await block(self._halt, self._store, self._lease, error)
            return False
        self.hand_over(prepared, result, reply, entry)
        return True

    async def answer_stored(self, prepared: PreparedCall) -> None:
        """Hand over a sample that a stored reply answers."""
        await self._backlog.enter()
        await self._call(prepared)

    def hand_over(
        self, prepared: PreparedCall, result: SampleResult, reply: Reply | None, entry: Entry
    ) -> None:
        """Store an outcome and have it scored. The sample is in the backlog."""
        self._note(result)
        if reply is None:
            entry.stored.append(self._backlog.leave)
        else:
            stored = prepared.stored
            job = self._job(prepared, reply, stored.cost_usd if stored else result.cost_usd)
            entry.stored.append(partial(self._to_score, job))
        self._writer.put(entry)

    def give_back(self, nanousd: int) -> None:
        """A reservation for which no call is made, and which nobody in this worker waits for."""
        if nanousd:
            self._writer.put(Entry(released_nanousd=nanousd))

    def _job(self, prepared: PreparedCall, reply: Reply, cost_usd: float) -> ScoringJob:
        return ScoringJob(
            key=prepared.item.key,
            example=prepared.item.example,
            messages=prepared.request.messages,
            reply=reply,
            cost_usd=cost_usd,
            wanted=self._metric_keys,
        )

    def _note(self, result: SampleResult) -> None:
        if result.error_kind is None:
            self._failures_in_a_row = 0
            self._answered()
            return
        logger.warning("given up: %s", result.error_message)
        self._failures_in_a_row += 1
        if self._failures_in_a_row == FAILURES_IN_A_ROW:
            self._halt.ask(
                "paused",
                f"{FAILURES_IN_A_ROW} samples in a row failed, none was answered. "
                f"The last: {result.error_message} Resume with the failed samples to try again.",
            )


async def block(halt: Halt, store: Store, lease: Lease, error: PromptAppError) -> None:
    """Pause the run for ``error``; a parameter that the model does not take is remembered."""
    if not isinstance(error, UnsupportedParameterError):
        halt.ask("paused", str(error))
        return
    model = lease.run.spec.model.reference
    stored = " Stored replies are used again." if lease.run.spec.cache == "use" else ""
    halt.ask(
        "paused",
        f"{error} Leave {error.parameter!r} out for {model} and {START_ANEW}: it would be refused "
        f"again.{stored}",
    )
    await insist(partial(store.learn_unsupported, model, error.parameter, str(error)))
