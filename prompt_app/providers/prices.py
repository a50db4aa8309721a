"""What calls cost. The table is the one that comes inside the genai-prices package; nothing is
fetched from the network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from prompt_app.datamodel.model import ModelSpec, Price, PriceTier, TokenPrice, TokenUsage
from prompt_app.providers.addresses import is_loopback

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

FREE = Price(input=0.0, output=0.0)
MILLION = 1_000_000
_PREFIX = re.compile(r"(?:us|eu|apac|us-gov|ca|jp|au|in|global|regional)\.(?=\w+\.)")
# genai-prices' names of the prices, by ours.
PRICE_KEYS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}


def price_of(model: ModelSpec) -> Price | None:
    """The price of ``model``'s calls today, or None where it is not known.

    ``ModelSpec.price`` wins; the offline provider is free. An ``openai`` model with a
    ``base_url`` is looked up at the vendor that this address belongs to, so that a local server
    has no price. A Bedrock name may carry a cross-region prefix (``us.``, ``global.``) or be the
    ARN of an inference profile that contains the model's name. SageMaker endpoints are billed by
    the hour, which no call shows.
    """
    if model.price is not None:
        return model.price
    if model.provider == "offline":
        return FREE
    listed = listed_model(model)
    return price_from(listed) if listed is not None else None


def listed_model(model: ModelSpec) -> ModelInfo | None:
    """The price table's entry for ``model``, where it has one."""
    if model.provider == "bedrock":
        return _find("aws", None, model.name)
    if model.provider == "openai":
        if model.base_url is None:
            return _find("openai", None, model.name)
        if is_loopback(urlsplit(model.base_url).hostname or ""):
            return None  # the vendors' servers are elsewhere: their table need not be loaded
        return _find(None, model.base_url, model.name)
    return None


@lru_cache(maxsize=1024)
def _find(provider: str | None, address: str | None, name: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    with suppress(LookupError):
        return snapshot.find_provider_model(name, None, provider, address)[1]
    if provider != "aws" or name.startswith("arn:"):
        return None
    # Some models are listed without a prefix, or under one region's only; all regions' prices
    # are the same where the table has them.
    plain = split_prefix(name)[1]
    for other in (plain, f"us.{plain}"):
        with suppress(LookupError):
            return snapshot.find_provider_model(other, None, provider, None)[1]
    return None


def split_prefix(name: str) -> tuple[str, str]:
    """A Bedrock name's cross-region prefix with its dot, and the rest."""
    match = _PREFIX.match(name)
    return (match.group(), name[match.end() :]) if match else ("", name)


def price_from(listed: ModelInfo) -> Price | None:
    """An entry of the price table as a Price; None where it has no price for text."""
    return _price(listed.get_prices(datetime.now(UTC)), embeds="embed" in listed.id)


def _price(prices: ModelPrice, *, embeds: bool) -> Price | None:
    kinds = {kind: getattr(prices, key) for kind, key in PRICE_KEYS.items()}
    if embeds and kinds["output"] is None:
        kinds["output"] = 0
    if kinds["input"] is None or kinds["output"] is None:
        return None
    starts = sorted(
        {tier.start for value in kinds.values() for tier in getattr(value, "tiers", ())}
    )
    tiers = tuple(
        PriceTier.model_validate({"above": start, **_at(kinds, start + 1)}) for start in starts
    )
    per_thousand = getattr(prices, "requests_kcount", None)
    return Price.model_validate(
        {
            **_at(kinds, 0),
            "tiers": tiers,
            "per_request": float(per_thousand) / 1000 if per_thousand is not None else 0.0,
        }
    )


def _at(kinds: Mapping[str, Any], input_tokens: int) -> dict[str, float]:
    """The prices that hold for a prompt of ``input_tokens``."""
    found = {}
    for kind, value in kinds.items():
        if value is None:
            continue
        amount = getattr(value, "base", value)
        for tier in getattr(value, "tiers", ()):
            if input_tokens > tier.start:
                amount = tier.price
        found[kind] = float(amount)
    return found


def cost_usd(price: Price, usage: TokenUsage) -> float:
    """US dollars that a call with ``usage`` cost. Cached and cache-write tokens are parts of the
    input and cost their own price instead of the input's; reasoning tokens are output."""
    rate = _rate(price, usage.input)
    plain = usage.input - usage.cached_input - usage.cache_write
    cached = rate.input if rate.cached_input is None else rate.cached_input
    written = rate.input if rate.cache_write is None else rate.cache_write
    tokens = (
        plain * rate.input
        + usage.cached_input * cached
        + usage.cache_write * written
        + usage.output * rate.output
    )
    return price.per_request + tokens / MILLION


def largest_cost_usd(
    price: Price, input_tokens: int, max_tokens: int, num_responses: int = 1
) -> float:
    """The most US dollars that a call can cost with at most ``input_tokens`` in and
    ``max_tokens`` out for each response. The prompt is counted for each response, because some
    providers are asked for several by several requests."""
    rates = [price, *(tier for tier in price.tiers if input_tokens > tier.above)]
    dearest_input = max(
        max(rate.input, rate.cached_input or 0.0, rate.cache_write or 0.0) for rate in rates
    )
    dearest_output = max(rate.output for rate in rates)
    tokens = input_tokens * dearest_input + max_tokens * dearest_output
    return num_responses * (price.per_request + tokens / MILLION)


def _rate(price: Price, input_tokens: int) -> TokenPrice:
    rate: TokenPrice = price
    for tier in price.tiers:
        if input_tokens > tier.above:
            rate = tier
    return rate
