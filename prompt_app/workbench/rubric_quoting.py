"""What the test of a rubric will take, told before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prompt_app.providers.prices import price_of
from prompt_app.providers.tokens import estimate_tokens
from prompt_app.rubrics.prompting import asked_rubric
from prompt_app.workbench.rubric_preparing import PreparedLesson

FEWEST_TOKENS, MOST_TOKENS = 30, 250
"""Of one key concept in a reply."""
QUICK_REPLY_SECONDS, SLOW_REPLY_SECONDS, OFFLINE_SECONDS = 2.0, 30.0, 0.01


@dataclass(frozen=True, slots=True)
class RubricQuote:
    """Tokens are estimated; prices and times are ranges."""

    works: int
    calls: int
    cached: int
    without_model: int
    """Blank works, and those that rules decide."""
    input_tokens: int
    output_tokens_low: int
    output_tokens_high: int
    cost_usd_low: float | None
    """None where the model's price is not known."""
    cost_usd_high: float | None
    seconds_low: float
    seconds_high: float


def quote_lesson(prepared: PreparedLesson) -> RubricQuote:
    """What the calls of one lesson take; replies from the cache cost nothing."""
    asked = [work for work in prepared.works if work.request is not None]
    called = [work.request for work in asked if work.stored is None and work.request is not None]
    tokens_in = sum(estimate_tokens(request.messages) for request in called)
    replies = len(called) * prepared.experiment.parameters.num_responses
    concepts = len(asked_rubric(prepared.experiment).concepts)
    low, high = (replies * concepts * each for each in (FEWEST_TOKENS, MOST_TOKENS))
    longest = called[0].parameters.max_tokens if called else None
    if longest is not None:
        low, high = min(low, replies * longest), replies * longest
    price = price_of(prepared.model)
    costs: list[float | None] = [None, None]
    if price is not None:
        fixed = tokens_in * price.input / 1e6 + len(called) * price.per_request
        costs = [fixed + tokens * price.output / 1e6 for tokens in (low, high)]
    offline = prepared.model.provider == "offline"
    rounds = -(-len(called) // prepared.limits.max_concurrency)
    floor = _least_seconds(prepared, len(called), tokens_in + low)
    return RubricQuote(
        works=len(prepared.works),
        calls=len(called),
        cached=len(asked) - len(called),
        without_model=len(prepared.works) - len(asked),
        input_tokens=tokens_in,
        output_tokens_low=low,
        output_tokens_high=high,
        cost_usd_low=costs[0],
        cost_usd_high=costs[1],
        seconds_low=max(floor, rounds * (OFFLINE_SECONDS if offline else QUICK_REPLY_SECONDS)),
        seconds_high=max(floor, rounds * (OFFLINE_SECONDS if offline else SLOW_REPLY_SECONDS)),
    )


def _least_seconds(prepared: PreparedLesson, calls: int, tokens: int) -> float:
    """What the rate caps allow."""
    limits = prepared.limits
    by_requests = calls / limits.requests_per_minute if limits.requests_per_minute else 0.0
    by_tokens = tokens / limits.tokens_per_minute if limits.tokens_per_minute else 0.0
    return 60 * max(by_requests, by_tokens)


def total_quote(quotes: Sequence[RubricQuote]) -> RubricQuote:
    """Of several lessons, tested one after another."""
    low = [quote.cost_usd_low for quote in quotes]
    high = [quote.cost_usd_high for quote in quotes]
    return RubricQuote(
        works=sum(quote.works for quote in quotes),
        calls=sum(quote.calls for quote in quotes),
        cached=sum(quote.cached for quote in quotes),
        without_model=sum(quote.without_model for quote in quotes),
        input_tokens=sum(quote.input_tokens for quote in quotes),
        output_tokens_low=sum(quote.output_tokens_low for quote in quotes),
        output_tokens_high=sum(quote.output_tokens_high for quote in quotes),
        cost_usd_low=None if None in low else sum(each or 0.0 for each in low),
        cost_usd_high=None if None in high else sum(each or 0.0 for each in high),
        seconds_low=sum(quote.seconds_low for quote in quotes),
        seconds_high=sum(quote.seconds_high for quote in quotes),
    )
