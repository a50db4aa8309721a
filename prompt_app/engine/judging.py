"""Asks judge models. A judge's raw reply is stored before its verdict is read, so that scoring
again never pays again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.embedding import ModelRequest
from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.score import Score, ScoringInput
from prompt_app.engine.budget import nanousd
from prompt_app.engine.item import Caller, CallFailed, new_reply_id
from prompt_app.engine.scoring import JudgeAnswer
from prompt_app.engine.writer import Entry, GroupWriter
from prompt_app.errors import (
    BudgetExhaustedError,
    CutOffVerdictError,
    MetricError,
    NothingToJudgeError,
    TiedVotesError,
)
from prompt_app.interfaces import Judge, Lease, Store, StoredReply
from prompt_app.providers.caching import cache_key

VERDICT_ATTEMPTS = 2
NO_USE_ASKING = (CutOffVerdictError, NothingToJudgeError, TiedVotesError)
"""Errors that another answer to the same request would not mend, or must not."""


def caller_key(model: ModelSpec, parameters: InferenceParameters) -> str:
    """Equal for what one caller serves: two judges may share a reference and yet differ in
    address, price or longest reply."""
    return content_hash([model.content_id, parameters.max_tokens])


@dataclass(frozen=True, slots=True)
class JudgePanel:
    """Everything that asking a judge of this run takes. ``callers`` is by :func:`caller_key`."""

    store: Store
    lease: Lease
    writer: GroupWriter
    callers: dict[str, Caller]

    async def ask(self, judge: Judge, sample: ScoringInput) -> JudgeAnswer:
        """The verdict on one response: from a stored reply, or by a call. A reply without a
        valid verdict is asked for once more, unless that would not mend it: a tie is a result."""
        try:
            request = judge.request(sample)
        except MetricError as error:
            return JudgeAnswer(error=error)
        if isinstance(request, Score):
            return JudgeAnswer(score=request)
        key = self._reply_key(request)
        stored = (await asyncio.to_thread(self.store.find_replies, [key])).get(key)
        answer = JudgeAnswer()
        if stored is not None:
            self._read(judge, sample, stored.reply, answer)
            if answer.score is not None or isinstance(answer.error, NO_USE_ASKING):
                return answer
        for _ in range(VERDICT_ATTEMPTS):
            reply = await self._call(request, key, answer)
            if reply is None:
                return answer
            self._read(judge, sample, reply, answer)
            if answer.score is not None or isinstance(answer.error, NO_USE_ASKING):
                return answer
        return answer

    def _reply_key(self, request: ModelRequest) -> str:
        key = cache_key(request)
        run = self.lease.run
        return key if run.spec.cache == "use" else f"{run.id}:{key}"

    def _read(self, judge: Judge, sample: ScoringInput, reply: Reply, answer: JudgeAnswer) -> None:
        try:
            answer.score, answer.error = judge.verdict(sample, reply), None
        except MetricError as error:
            answer.error = error

    async def _call(self, request: ModelRequest, key: str, answer: JudgeAnswer) -> Reply | None:
        caller = self.callers[caller_key(request.model, request.parameters)]
        try:
            reply, cost, reserved = await caller.call(self.lease, request)
        except BudgetExhaustedError as error:
            answer.error = error
            return None
        except CallFailed as failure:
            await self._store(caller, failure.entry())
            answer.cost_usd += failure.cost_usd
            answer.error = failure.error
            return None
        stored = StoredReply(id=new_reply_id(), cache_key=key, reply=reply, cost_usd=cost)
        await self._store(
            caller,
            Entry(reply=stored, released_nanousd=reserved, spent_nanousd=nanousd(cost)),
        )
        answer.cost_usd += cost
        answer.usage += reply.usage
        return reply

    async def _store(self, caller: Caller, entry: Entry) -> None:
        """Wait until it is committed: the verdict is read from what is safe."""
        committed = asyncio.get_running_loop().create_future()

        def done() -> None:
            caller.budget.settled(entry.released_nanousd)
            if not committed.done():
                committed.set_result(None)

        entry.stored.append(done)
        self.writer.put(entry)
        await committed
