"""The spend cap of a rubric's test: what a call can cost at most is set aside before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prompt_app.datamodel.model import GenerationRequest
from prompt_app.errors import BudgetExhaustedError
from prompt_app.providers.prices import largest_cost_usd, price_of
from prompt_app.providers.tokens import most_tokens


@dataclass(slots=True)
class Reservation:
    """What a call cost in fact; 0 until it is told."""

    cost_usd: float = 0.0


class Spending:
    """Of one test on one event loop. Without a cap everything is granted."""

    def __init__(self, max_cost_usd: float | None, spent_usd: float = 0.0) -> None:
        self._cap = max_cost_usd
        self._spent = spent_usd
        self._reserved = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, request: GenerationRequest) -> AsyncIterator[Reservation]:
        """Waits while other calls hold what is left. Raises BudgetExhaustedError where even their
        end would leave too little.

        A model without a price is never capped: that is refused when the test is prepared.
        """
        most = self._most(request)
        async with self._changed:
            while self._cap is not None and self._spent + self._reserved + most > self._cap:
                if self._reserved == 0:
                    raise BudgetExhaustedError(
                        f"The spend cap is reached: the next call could cost ${most:.6f}, which is "
                        "more than what is left. Raise it and test again with stored replies."
                    )
                await self._changed.wait()
            self._reserved += most
        reservation = Reservation()
        try:
            yield reservation
        finally:
            async with self._changed:
                # Rounding may leave a trace that would look like a call in flight.
                self._reserved = max(0.0, self._reserved - most)
                self._reserved = 0.0 if self._reserved < 1e-12 else self._reserved
                self._spent += reservation.cost_usd
                self._changed.notify_all()

    def _most(self, request: GenerationRequest) -> float:
        price = price_of(request.model) if self._cap is not None else None
        if price is None:
            return 0.0
        parameters = request.parameters
        tokens = most_tokens(request.messages)
        return largest_cost_usd(price, tokens, parameters.max_tokens or 0, parameters.num_responses)
