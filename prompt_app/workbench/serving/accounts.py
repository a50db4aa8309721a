"""What one call may take and what it took, for its token and for the books."""

from __future__ import annotations

import math

from prompt_app.datamodel.embedding import EmbeddingReply, EmbeddingRequest, ModelRequest
from prompt_app.datamodel.model import Reply, TokenUsage
from prompt_app.errors import ProviderError
from prompt_app.providers.prices import cost_usd, largest_cost_usd
from prompt_app.providers.tokens import CHARACTERS_PER_TOKEN, estimate_tokens
from prompt_app.workbench.serving.admission import Caller, Reservation
from prompt_app.workbench.serving.asking import Asked, Candidate, Served, Spent
from prompt_app.workbench.serving.cache import Hit
from prompt_app.workbench.serving.flights import Flight

ASSUMED_OUTPUT_TOKENS = 4096
"""Of a call that sets no limit, for the caps on spend."""
PARTS = (Reply, EmbeddingReply)
"""Of a call that its provider takes in several."""


def note_target(spent: Spent, candidate: Candidate) -> None:
    spent.target = candidate.target.reference
    if candidate.prompt is not None:
        spent.prompt, spent.prompt_version = candidate.prompt.name, candidate.prompt.number


def served_from(hit: Hit, candidate: Candidate, asked: Asked) -> Served:
    """A stored reply in the place of a call."""
    note_target(asked.spent, candidate)
    spent = asked.spent
    spent.cached, spent.saved_usd, spent.age = True, hit.cost_usd, hit.age()
    return Served(hit.reply, candidate)


class Account:
    """What one call may take, reserved while it runs; a context manager that settles it."""

    def __init__(
        self, caller: Caller, candidate: Candidate, asked: Asked, request: ModelRequest
    ) -> None:
        self.candidate = candidate
        self.asked = asked
        self.reply: Reply | None = None
        self.pays = False
        """Not where another's call is shared, nor before there is a call."""
        self.flight: Flight | None = None
        self.characters = 0
        """Streamed so far."""
        self._caller = caller
        self._request = request
        self._reservation: Reservation | None = None

    def __enter__(self) -> Account:
        """Raises LimitReachedError."""
        note_target(self.asked.spent, self.candidate)
        ledger = self._caller.ledger
        if ledger is not None and ledger.limits_calls:
            parameters, price = self._request.parameters, self.candidate.target.price
            tokens = estimate_tokens(self._request.messages)
            most = parameters.max_tokens or ASSUMED_OUTPUT_TOKENS
            usd = None
            if price is not None:
                usd = largest_cost_usd(price, tokens, most, parameters.num_responses)
            embeds = isinstance(self._request, EmbeddingRequest)
            given = 0 if embeds else most * parameters.num_responses
            open_end = parameters.max_tokens is None and not embeds
            least = tokens + 1 if open_end else None
            self._reservation = ledger.reserve(tokens + given, usd, least=least)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._hand_over()
        usage = TokenUsage()
        if self.reply is not None:
            usage = self.reply.usage
        elif isinstance(error, ProviderError) and error.answered:
            usage = sum((each.usage for each in error.answered if isinstance(each, PARTS)), usage)
        elif self.characters:
            # It broke off: what was streamed by then was billed all the same.
            usage = TokenUsage(
                input=estimate_tokens(self._request.messages),
                output=math.ceil(self.characters / CHARACTERS_PER_TOKEN),
            )
        price = self.candidate.target.price
        cost = cost_usd(price, usage) if price is not None else 0.0
        spent = self.asked.spent
        if self.pays:
            spent.input_tokens, spent.output_tokens = usage.input, usage.output
            spent.cost_usd = cost
            spent.cached, spent.age = False, None
        elif self.reply is not None:
            spent.saved_usd = cost
        if self._reservation is not None and self._caller.ledger is not None:
            tokens, usd = (usage.total, cost) if self.pays else (0, 0.0)
            self._caller.ledger.settle(self._reservation, tokens, usd)

    def _hand_over(self) -> None:
        """Who leaves a shared call pays for nothing while another waits for it; who gets the
        reply of a call that nobody pays for any more does."""
        flight = self.flight
        if flight is None:
            return
        if self.pays and self.reply is None and flight.goes_on:
            self.pays = flight.has_payer = False
        elif not self.pays and not flight.has_payer:
            self.pays = flight.has_payer = True
