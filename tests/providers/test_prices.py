"""Prices and what calls cost by them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_app.datamodel.model import ModelSpec, Price, PriceTier, TokenUsage
from prompt_app.providers.prices import FREE, cost_usd, largest_cost_usd, price_of

dollars = st.floats(0, 200)
prices = st.builds(
    Price,
    input=dollars,
    output=dollars,
    cached_input=st.none() | dollars,
    cache_write=st.none() | dollars,
    per_request=st.floats(0, 1),
    tiers=st.lists(
        st.builds(
            PriceTier,
            above=st.integers(0, 100_000),
            input=dollars,
            output=dollars,
            cached_input=st.none() | dollars,
            cache_write=st.none() | dollars,
        ),
        max_size=2,
    ).map(lambda tiers: tuple(sorted(tiers, key=lambda tier: tier.above))),
)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    total = draw(st.integers(0, 200_000))
    cached = draw(st.integers(0, total))
    output = draw(st.integers(0, 50_000))
    return TokenUsage(
        input=total,
        output=output,
        cached_input=cached,
        cache_write=draw(st.integers(0, total - cached)),
        reasoning=draw(st.integers(0, output)),
    )


def spec(reference: str, **changes: object) -> ModelSpec:
    return ModelSpec.model_validate(reference).model_copy(update=changes)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (TokenUsage(), "0.5"),
        (TokenUsage(input=1_000_000), "3.5"),
        (TokenUsage(output=1_000_000), "15.5"),
        (TokenUsage(input=1_000_000, cached_input=1_000_000), "0.8"),
        (TokenUsage(input=1_000_000, cache_write=1_000_000), "4.25"),
        (TokenUsage(input=1_000_000, cached_input=400_000, cache_write=100_000), "2.495"),
        (TokenUsage(output=1_000_000, reasoning=900_000), "15.5"),
    ],
)
def test_each_kind_of_token_costs_its_own_price_once(usage: TokenUsage, expected: str) -> None:
    price = Price(input=3, output=15, cached_input=0.3, cache_write=3.75, per_request=0.5)
    assert cost_usd(price, usage) == pytest.approx(float(expected), rel=1e-12)


def test_a_kind_without_a_price_costs_as_input_does() -> None:
    usage = TokenUsage(input=1_000_000, cached_input=400_000, cache_write=100_000)
    assert cost_usd(Price(input=3, output=15), usage) == pytest.approx(3.0)


def test_a_long_prompt_costs_its_tiers_price_for_all_tokens() -> None:
    price = Price(
        input=1, output=2, tiers=(PriceTier(above=200_000, input=10, output=20, cached_input=5),)
    )
    at, above = TokenUsage(input=200_000, output=100), TokenUsage(input=200_001, output=100)
    assert cost_usd(price, at) == pytest.approx(0.2002)
    assert cost_usd(price, above) == pytest.approx(2.00001 + 0.002)


@given(prices, usages(), st.integers(1, 4))
def test_no_call_costs_more_than_the_most_it_can(
    price: Price, usage: TokenUsage, responses: int
) -> None:
    most = largest_cost_usd(price, usage.input, usage.output, responses)
    assert cost_usd(price, usage) <= most * (1 + 1e-12)


def test_the_most_counts_the_dearest_kind_and_every_response() -> None:
    price = Price(input=3, output=15, cache_write=6, per_request=0.5)
    most = largest_cost_usd(price, 1_000_000, 100_000, 2)
    assert most == pytest.approx(2 * (0.5 + 6 + 1.5))


@given(prices, st.integers(0, 10**6), st.integers(0, 10**5))
def test_more_room_never_costs_less(price: Price, tokens: int, most: int) -> None:
    assert largest_cost_usd(price, tokens, most) <= largest_cost_usd(price, tokens + 1, most + 1)


def test_the_models_own_price_wins_and_offline_is_free() -> None:
    own = Price(input=1, output=2)
    assert price_of(spec("openai:gpt-5-mini", price=own)) == own
    assert price_of(spec("offline:echo")) == FREE
    assert price_of(spec("sagemaker:my-endpoint")) is None


@pytest.mark.parametrize(
    "reference",
    ["openai:gpt-5-mini", "openai:gpt-4o-2024-11-20", "bedrock:amazon.nova-lite-v1:0"],
)
def test_known_models_have_the_tables_price(reference: str) -> None:
    from genai_prices import Usage, calc_price

    price = price_of(spec(reference))
    assert price is not None
    provider, _, name = reference.partition(":")
    table = {"openai": "openai", "bedrock": "aws"}[provider]
    usage = Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=500)
    theirs = calc_price(usage, name, provider_id=table).total_price
    ours = cost_usd(price, TokenUsage(input=1000, cached_input=400, output=500))
    assert Decimal(ours) == pytest.approx(theirs)


def test_long_prompts_cost_what_the_table_says() -> None:
    from genai_prices import Usage, calc_price

    price = price_of(spec("openai:gpt-5.4"))
    assert price is not None
    assert price.tiers
    for tokens in (1000, price.tiers[0].above, price.tiers[0].above + 1, 900_000):
        usage = Usage(input_tokens=tokens, output_tokens=500)
        theirs = calc_price(usage, "gpt-5.4", provider_id="openai").total_price
        assert cost_usd(price, TokenUsage(input=tokens, output=500)) == pytest.approx(float(theirs))


@pytest.mark.parametrize("prefix", ["", "us.", "eu.", "apac.", "us-gov."])
def test_a_cross_region_prefix_keeps_the_price(prefix: str) -> None:
    assert price_of(spec(f"bedrock:{prefix}amazon.nova-lite-v1:0")) == price_of(
        spec("bedrock:amazon.nova-lite-v1:0")
    )


def test_bedrock_profiles_have_prices_by_any_name() -> None:
    name = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    plain, regional = price_of(spec(f"bedrock:{name}")), price_of(spec(f"bedrock:us.{name}"))
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{name}"
    by_arn = price_of(ModelSpec(provider="bedrock", name=arn))
    worldwide = price_of(spec(f"bedrock:global.{name}"))
    assert plain == regional == by_arn is not None
    assert worldwide is not None
    assert worldwide.input < regional.input  # type: ignore[union-attr]


def test_an_opaque_profile_has_no_price() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    assert price_of(ModelSpec(provider="bedrock", name=arn)) is None


@pytest.mark.parametrize(
    ("url", "name", "priced"),
    [
        ("http://localhost:11434/v1", "gpt-4o", False),
        ("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", True),
        ("https://acme.openai.azure.com", "gpt-4o", True),
        ("https://openrouter.ai/api/v1", "no-such-model", False),
    ],
)
def test_another_server_has_its_vendors_price_or_none(url: str, name: str, priced: bool) -> None:
    model = ModelSpec(provider="openai", name=name, base_url=url)
    assert (price_of(model) is not None) is priced


def test_looking_up_prices_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert price_of(spec("openai:gpt-5-nano")) is not None
