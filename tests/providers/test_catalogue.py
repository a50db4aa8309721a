"""What can be told of a model before its first call."""

from __future__ import annotations

import re
from typing import Any

import pytest

from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import EvaluationError, InputError, UnknownNameError
from prompt_app.providers import catalogue
from prompt_app.providers.caching import cache_key
from prompt_app.providers.capabilities import REFUSALS
from prompt_app.providers.catalogue import (
    ModelCard,
    check_model,
    check_parameters,
    list_models,
    pin_server,
)
from prompt_app.providers.offline import OFFLINE_MODELS
from prompt_app.providers.prices import listed_model
from prompt_app.settings import Settings

SONNET_5 = "bedrock:us.anthropic.claude-sonnet-5-5"
SONNET_4_5 = "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{"openai_api_key": None, **changes})


def spec(reference: str, **changes: Any) -> ModelSpec:
    return ModelSpec.model_validate(reference).model_copy(update=changes)


def cards() -> dict[str, ModelCard]:
    return {card.reference: card for card in list_models(settings(aws_region="eu-central-1"))}


def test_offline_models_come_first_and_are_free() -> None:
    listed = list_models(settings())
    offline = [card for card in listed if card.provider == "offline"]
    assert listed[: len(offline)] == offline
    assert {card.reference for card in offline} == {f"offline:{name}" for name in OFFLINE_MODELS}
    assert all(card.price is not None and card.price.input == 0 for card in offline)


def test_hosted_models_are_priced_text_models() -> None:
    hosted = [card for card in cards().values() if card.kind == "hosted"]
    assert len(hosted) > 80
    assert all(card.price is not None for card in hosted)
    for word in ("embed", "audio", "image", "whisper", "tts", "realtime", "regional", "sonic"):
        assert not [card.reference for card in hosted if word in card.reference], word


def test_models_that_the_table_calls_deprecated_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = listed_model(spec("openai:gpt-5-mini"))
    monkeypatch.setattr(listed, "deprecated", True)
    catalogue._hosted_cards.cache_clear()
    assert "openai:gpt-5-mini" not in cards()
    monkeypatch.undo()
    catalogue._hosted_cards.cache_clear()
    assert "openai:gpt-5-mini" in cards()


@pytest.mark.parametrize("reference", ["openai:gpt-5-mini", "bedrock:amazon.nova-lite-v1:0"])
def test_cards_tell_context_price_and_refusals(reference: str) -> None:
    card = cards()[reference]
    assert card.context is not None
    assert card.context >= 100_000
    assert card.refuses
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("region", "prefix"),
    [
        (None, "us."),
        ("us-west-2", "us."),
        ("eu-west-1", "eu."),
        ("ap-south-1", "apac."),
        ("us-gov-west-1", "us-gov."),
    ],
)
def test_regional_profiles_carry_the_regions_prefix(region: str | None, prefix: str) -> None:
    references = {card.reference for card in list_models(settings(aws_region=region))}
    assert f"bedrock:{prefix}anthropic.claude-sonnet-4-5-20250929-v1:0" in references


def test_every_listed_model_passes_its_own_check() -> None:
    options = {"offline:scripted": {"rules": {"rules": [], "default": "yes"}}}
    for reference in cards():
        check_model(spec(reference, options=options.get(reference, {})), settings())
        check_parameters(spec(reference), InferenceParameters(max_tokens=5))


@pytest.mark.parametrize(
    ("reference", "nearest"),
    [
        ("openai:gpt-4o-mni", "gpt-4o-mini"),
        ("openai:gpt5-mini", "gpt-5-mini"),
        ("openai:GPT-5-mini-", "gpt-5-mini"),
        ("bedrock:amazon.nova-lte-v1:0", "amazon.nova-lite-v1:0"),
        (
            "bedrock:eu.anthropic.claude-sonet-4-5-20250929-v1:0",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("offline:ech", "echo"),
        ("opnai:gpt-4o", "openai"),
        ("openai:bedrok:amazon.nova-lite-v1:0", "bedrock"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_the_nearest_name(reference: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        check_model(spec(reference), settings())
    assert caught.value.suggestions[0] == nearest


@pytest.mark.parametrize(
    "reference",
    [
        "openai:gpt-5-mini-2025-08-07",
        "openai:gpt-5.9",
        "openai:gpt-7",
        "openai:ft:gpt-4o-mini-2024-07-18:acme::abc",
        "bedrock:us.anthropic.claude-sonnet-6",
        "bedrock:brand.new-model-v1:0",
        "bedrock:arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123",
        "sagemaker:any-endpoint",
    ],
)
def test_a_name_that_may_be_newer_than_the_catalogue_passes(reference: str) -> None:
    check_model(spec(reference), settings())


def test_an_unlisted_name_can_be_insisted_on() -> None:
    check_model(spec("openai:gpt-4o-mni", options={"unlisted": True}), settings())


def test_another_server_has_names_of_its_own() -> None:
    check_model(spec("openai:gpt-4o-mni", base_url="http://localhost:1/v1"), settings())
    check_model(spec("openai:gpt-4o-mni"), settings(openai_base_url="http://localhost:1/v1"))
    check_model(spec("openai:llama3:8b"), settings(openai_base_url="http://localhost:1/v1"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "http://169.254.169.254/v1"}, "never allowed"),
        ({"base_url": "gopher://x"}, "http"),
        ({"options": {"azur": 1}}, "azur"),
    ],
)
def test_wrong_addresses_and_options_are_told(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_model(spec("openai:gpt-4o", **changes), settings())


def test_a_private_address_is_for_those_who_may_or_who_configured_it() -> None:
    strict = settings(allow_private_addresses=False)
    with pytest.raises(InputError, match="private"):
        check_model(spec("openai:m", base_url="http://127.0.0.1:9/v1"), strict)
    own = settings(allow_private_addresses=False, openai_base_url="http://127.0.0.1:9/v1")
    check_model(spec("openai:m", base_url="http://127.0.0.1:9/v1"), own)


@pytest.mark.parametrize(
    ("reference", "parameters", "refused"),
    [
        ("openai:gpt-5-mini", {"temperature": 0}, "temperature"),
        ("openai:gpt-5-mini-2025-08-07", {"top_p": 0.5}, "top_p"),
        ("openai:o4-mini", {"stop": ["x"]}, "stop"),
        ("openai:o3-mini", {"temperature": 0.5}, "temperature"),
        ("openai:gpt-5.2", {"temperature": 0.5, "reasoning_effort": "low"}, "temperature"),
        ("openai:gpt-4.1", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("openai:gpt-4o", {"top_k": 5}, "top_k"),
        ("openai:gpt-4o", {"extra": {"model": "x"}}, "extra"),
        (SONNET_5, {"temperature": 0}, "temperature"),
        (SONNET_5, {"top_k": 4}, "top_k"),
        (SONNET_4_5, {"temperature": 0, "top_p": 0.5}, "top_p"),
        (
            "bedrock:global.anthropic.claude-opus-4-6-v1:0",
            {"temperature": 0.5, "reasoning_effort": "low"},
            "temperature",
        ),
        (
            "bedrock:us.amazon.nova-2-lite-v1:0",
            {"max_tokens": 5, "reasoning_effort": "high"},
            "max_tokens",
        ),
        ("bedrock:amazon.nova-lite-v1:0", {"seed": 1}, "seed"),
        ("bedrock:amazon.nova-lite-v1:0", {"temperature": 1.5}, "temperature"),
        ("offline:echo", {"top_p": 0.5}, "top_p"),
        ("openai:gpt-4o", {"extra": {"x": float("nan")}}, "extra"),
        ("openai:gpt-4o", {"extra": {"\ud800": 1}}, "extra"),
        ("openai:gpt-4o", {"stop": ["\ud800"]}, "stop"),
    ],
)
def test_a_known_refusal_is_told_before_the_run(
    reference: str, parameters: dict[str, Any], refused: str
) -> None:
    given = InferenceParameters.model_validate(parameters)
    with pytest.raises(EvaluationError, match=f"'{refused}'"):
        check_parameters(spec(reference), given)


@pytest.mark.parametrize(
    ("reference", "parameters"),
    [
        ("openai:gpt-5-mini", {"temperature": 1, "top_p": 1, "reasoning_effort": "low"}),
        ("openai:gpt-5.2", {"temperature": 0}),
        ("openai:gpt-5.2", {"temperature": 0, "reasoning_effort": "none"}),
        ("openai:gpt-5-chat-latest", {"temperature": 0}),
        ("openai:gpt-4o", {"temperature": 0, "seed": 1, "stop": ["x"], "num_responses": 3}),
        ("openai:gpt-4o", {"extra": {"top_k": 5}}),
        (SONNET_4_5, {"temperature": 0}),
        (SONNET_4_5, {"top_p": 0.5}),
        ("bedrock:us.anthropic.claude-3-haiku-20240307-v1:0", {"temperature": 0, "top_p": 0.5}),
        ("bedrock:us.amazon.nova-2-lite-v1:0", {"max_tokens": 5, "reasoning_effort": "low"}),
        ("offline:echo", {"temperature": 0, "seed": 1}),
    ],
)
def test_what_is_not_known_to_be_refused_passes(reference: str, parameters: dict[str, Any]) -> None:
    check_parameters(spec(reference), InferenceParameters.model_validate(parameters))


def test_another_servers_models_are_not_taken_for_openais() -> None:
    local = spec("openai:o3-mini", base_url="http://localhost:1/v1")
    check_parameters(local, InferenceParameters(temperature=0.5))


def test_a_sagemaker_template_decides() -> None:
    endpoint = spec("sagemaker:e", options={"preset": "inputs"})
    check_parameters(endpoint, InferenceParameters(top_k=5))
    with pytest.raises(EvaluationError, match="'reasoning_effort'"):
        check_parameters(endpoint, InferenceParameters(reasoning_effort="low"))


def test_every_refusal_is_about_models_that_exist() -> None:
    references = cards()
    for rule in REFUSALS:
        names = [
            reference.partition(":")[2]
            for reference in references
            if reference.startswith(rule.provider)
        ]
        assert any(rule.models.search(name) for name in names), rule.models.pattern
        assert set(rule.parameters) <= set(InferenceParameters.model_fields)
        assert re.compile(rule.models.pattern)


def test_a_pinned_server_keeps_replies_of_different_servers_apart() -> None:
    model = spec("openai:gpt-4o")

    def key(config: Settings) -> str:
        message = Message(role="user", content="x")
        return cache_key(GenerationRequest(model=pin_server(model, config), messages=(message,)))

    real, mock = settings(), settings(openai_base_url="http://localhost:1/v1")
    assert key(real) != key(mock)
    assert pin_server(model, real) == model
    pinned = pin_server(model, mock)
    assert pinned.base_url == "http://localhost:1/v1"
    assert pin_server(pinned, real) == pinned
    bedrock = pin_server(spec("bedrock:m"), settings(aws_region="eu-west-1"))
    assert (bedrock.region, bedrock.base_url) == ("eu-west-1", None)
    assert pin_server(spec("offline:echo"), mock) == spec("offline:echo")
