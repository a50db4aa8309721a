"""The spend cap: reserve the most that a call can cost before it is made, give back what it did
not use. Concurrent calls can therefore never overshoot it together."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from functools import partial

from prompt_app.datamodel.embedding import ModelRequest
from prompt_app.datamodel.model import Price
from prompt_app.engine.backlog import insist
from prompt_app.engine.halting import START_ANEW, Halt
from prompt_app.errors import BudgetExhaustedError
from prompt_app.interfaces import Lease, Store
from prompt_app.providers.prices import largest_cost_usd
from prompt_app.providers.tokens import most_tokens

NANO = 1_000_000_000
WAIT_SECONDS = 0.5
OTHERS_SECONDS = 60.0
LAST_LOOKS = 3
"""At a cap that nobody is seen to hold a part of, before there is none left."""


def nanousd(usd: float) -> int:
    """US dollars as whole billionths, rounded up."""
    return math.ceil(usd * NANO - 1e-6)


@dataclass(slots=True)
class _Pool:
    """What the runs of one evaluation share in one worker."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0


class Budget:
    """Reservations of one evaluation in one worker. Without a cap, everything is granted and
    nothing is stored."""

    def __init__(
        self, store: Store, *, capped: bool, pool: _Pool | None = None, halt: Halt | None = None
    ) -> None:
        self._store = store
        self._capped = capped
        self._pool = pool or _Pool()
        self._halt = halt
        self._own = 0

    def part(self, halt: Halt) -> Budget:
        """For one run, or one chunk; to be closed with it. Nobody waits after ``halt``."""
        return Budget(self._store, capped=self._capped, pool=self._pool, halt=halt)

    def close(self) -> None:
        """Nobody waits any more for what calls that were abandoned have reserved: the store
        counts it as unconfirmed spend."""
        self.settled(self._own)

    async def reserve(
        self, lease: Lease, request: ModelRequest, price: Price | None, max_tokens: int | None
    ) -> int:
        """Billionths of a dollar that are now reserved. While other calls hold the rest, wait
        for them; for those of other workers a limited time, since one of them may have died.
        Raises BudgetExhaustedError when none is left that could give any back."""
        amount = self.most(request, price, max_tokens)
        await self.reserve_amount(lease, amount)
        return amount

    def most(self, request: ModelRequest, price: Price | None, max_tokens: int | None) -> int:
        """Billionths of a dollar that the call can cost; 0 without a cap. Raises
        BudgetExhaustedError where that cannot be told."""
        if not self._capped:
            return 0
        if price is None or (max_tokens is None and price.output > 0):
            raise BudgetExhaustedError(
                f"The spend cap cannot be held for {request.model.reference}: its price or its "
                "longest reply is unknown. Give the model a price and set max_tokens."
            )
        responses = request.parameters.num_responses
        return nanousd(
            largest_cost_usd(price, most_tokens(request.messages), max_tokens or 0, responses)
        )

    async def reserve_amount(self, lease: Lease, amount: int) -> None:
        """See :meth:`reserve`."""
        if amount == 0:
            return
        patience, pool, alone = OTHERS_SECONDS, self._pool, 0
        await self._take_turn()
        try:
            while not await self._granted(lease, amount):
                patience -= 0 if pool.held else WAIT_SECONDS
                self._check_halt()
                # Between two looks others may give theirs back, and take it again.
                alone = 0 if await self._somebody_holds(lease) else alone + 1
                if patience < 0 or alone == LAST_LOOKS:
                    raise await self._exhausted(lease, amount)
                if alone:
                    continue
                pool.released.clear()
                try:
                    await asyncio.wait_for(pool.released.wait(), WAIT_SECONDS)
                except TimeoutError:
                    continue
            self.took(amount)
        finally:
            pool.turn.release()

    async def try_reserve(self, lease: Lease, amount: int, patience: float) -> bool:
        """Whether ``amount`` is reserved now, without waiting for it. Raises
        BudgetExhaustedError when nobody is left that could give any back, or where only other
        workers could and ``patience`` (seconds) is over."""
        if amount == 0:
            return True
        if self._pool.turn.locked():
            return False  # others wait, who were here before
        async with self._pool.turn:
            if await self._granted(lease, amount):
                self.took(amount)
                return True
            if self._pool.held or (patience > 0 and await self._somebody_holds(lease)):
                return False
            if await self._granted(lease, amount):  # given back between the two looks
                self.took(amount)
                return True
            raise await self._exhausted(lease, amount)

    def took(self, amount: int) -> None:
        """The store has reserved ``amount``."""
        self._own += amount
        self._pool.held += amount

    async def _take_turn(self) -> None:
        while True:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await self._pool.turn.acquire()
                return
            except TimeoutError:
                self._check_halt()

    def _check_halt(self) -> None:
        """No call is waited for that would not be made any more."""
        if self._halt:
            raise BudgetExhaustedError("The run was halted before the call was made.")

    async def _somebody_holds(self, lease: Lease) -> bool:
        reserved = partial(self._store.reserved_spend, lease.run.evaluation_id)
        return self._pool.held > 0 or await insist(reserved) > 0

    async def _exhausted(self, lease: Lease, amount: int) -> BudgetExhaustedError:
        advice = f"Raise max_cost_usd and {START_ANEW}."
        if await self._somebody_holds(lease):
            advice = "Resume the run when the calls and batch jobs that hold the rest have ended."
        return BudgetExhaustedError(
            f"The spend cap is reached: what comes next could cost ${amount / NANO:.6f}, which "
            f"is more than what is left. {advice}"
        )

    async def _granted(self, lease: Lease, amount: int) -> bool:
        return await insist(partial(self._store.reserve_spend, lease, amount))

    def settled(self, amount: int) -> None:
        """The reservation of ``amount`` has been given back in the store."""
        if amount:
            own = min(self._own, amount)  # what another worker reserved may be given back here
            self._own -= own
            self._pool.held -= own
            self._pool.released.set()


class Budgets:
    """The budgets of the evaluations that a worker has runs of."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._budgets: dict[str, Budget] = {}

    async def of(self, evaluation_id: str) -> Budget:
        """Shared by all runs of the evaluation."""
        if evaluation_id not in self._budgets:
            evaluation = await asyncio.to_thread(self._store.get_evaluation, evaluation_id)
            capped = evaluation.max_cost_usd is not None
            self._budgets.setdefault(evaluation_id, Budget(self._store, capped=capped))
        return self._budgets[evaluation_id]
