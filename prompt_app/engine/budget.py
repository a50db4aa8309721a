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
from prompt_app.errors import BudgetExhaustedError
from prompt_app.interfaces import Lease, Store
from prompt_app.providers.prices import largest_cost_usd
from prompt_app.providers.tokens import most_tokens

NANO = 1_000_000_000
WAIT_SECONDS = 0.5
OTHERS_SECONDS = 60.0


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

    def __init__(self, store: Store, *, capped: bool, pool: _Pool | None = None) -> None:
        self._store = store
        self._capped = capped
        self._pool = pool or _Pool()
        self._own = 0

    def part(self) -> Budget:
        """For one run, or one chunk; to be closed with it."""
        return Budget(self._store, capped=self._capped, pool=self._pool)

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
        patience, pool = OTHERS_SECONDS, self._pool
        async with pool.turn:
            while not await self._granted(lease, amount):
                patience -= 0 if pool.held else WAIT_SECONDS
                if patience < 0 or not (pool.held or await self._others_hold(lease)):
                    # Between the two looks others may have given theirs back.
                    if await self._granted(lease, amount):
                        break
                    raise BudgetExhaustedError(
                        "The spend cap is reached: the next call could cost "
                        f"${amount / NANO:.6f}, which is more than what is left. "
                        "Raise max_cost_usd in a new evaluation to go on."
                    )
                pool.released.clear()
                try:
                    await asyncio.wait_for(pool.released.wait(), WAIT_SECONDS)
                except TimeoutError:
                    continue
            self.took(amount)

    async def try_reserve(self, lease: Lease, amount: int) -> bool:
        """Whether ``amount`` is reserved now, without waiting for it."""
        async with self._pool.turn:
            if amount and not await self._granted(lease, amount):
                return False
            self.took(amount)
            return True

    def took(self, amount: int) -> None:
        """The store has reserved ``amount``."""
        self._own += amount
        self._pool.held += amount

    async def _others_hold(self, lease: Lease) -> bool:
        reserved = partial(self._store.reserved_spend, lease.run.evaluation_id)
        return await insist(reserved) > 0

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
