"""The chat completions protocol: what is sent, to whom, with which key, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from recorder import Recorder, recording

from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Reply,
    TokenUsage,
)
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextTooLongError,
    EvaluationError,
    InputError,
    MalformedReplyError,
    ModelNotFoundError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnsupportedParameterError,
)
from prompt_app.providers import connect
from prompt_app.providers.http import MOST_TOKENS
from prompt_app.providers.openai import default_max_tokens_field
from prompt_app.providers.openai_wire import read_usage, request_body
from prompt_app.settings import Settings

KEY = "sk-test-abcdefghijklmnopqrstuvwx"
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-x-2026-01-01",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{"openai_api_key": SecretStr(KEY), **changes})


def model(url: str | None, name: str = "gpt-x", **options: Any) -> ModelSpec:
    return ModelSpec(provider="openai", name=name, base_url=url, options=options)


def request(spec: ModelSpec, **parameters: Any) -> GenerationRequest:
    return GenerationRequest(
        model=spec,
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="Hi")),
        parameters=InferenceParameters.model_validate(parameters),
    )


async def call(spec: ModelSpec, config: Settings, **parameters: Any) -> Reply:
    provider = connect(spec, config)
    try:
        return await provider.generate(request(spec, **parameters), 10)
    finally:
        await provider.close()


def answer_with(**changes: Any) -> dict[str, Any]:
    choice: dict[str, Any] = {**ANSWER["choices"][0]}  # type: ignore[index]
    choice.update(changes)
    return {**ANSWER, "choices": [choice]}


async def reply_to(server: Recorder, body: Any, **parameters: Any) -> Reply:
    server.answers.clear()
    server.answer(200, body, x_request_id="req-1")
    return await call(model(server.url), settings(), **parameters)


# --- what is sent -----------------------------------------------------------------------------


async def test_every_parameter_has_its_place() -> None:
    async with recording() as server:
        server.answer(200, {**ANSWER, "choices": ANSWER["choices"] * 2})  # type: ignore[operator]
        await call(
            model(server.url),
            settings(),
            temperature=0,
            top_p=0.5,
            max_tokens=7,
            stop=["\n"],
            seed=3,
            reasoning_effort="low",
            num_responses=2,
            extra={"top_k": 5, "response_format": {"type": "json_object"}},
        )
    assert server.requests[0].path == "/chat/completions"
    assert server.requests[0].json == {
        "model": "gpt-x",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 7,
        "stop": ["\n"],
        "seed": 3,
        "reasoning_effort": "low",
        "n": 2,
        "top_k": 5,
        "response_format": {"type": "json_object"},
    }


async def test_what_is_not_given_is_not_sent() -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        await call(model(server.url), settings())
    assert set(server.requests[0].json) == {"model", "messages"}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.openai.com", "max_completion_tokens"),
        ("eu.api.openai.com", "max_completion_tokens"),
        ("acme.openai.azure.com", "max_completion_tokens"),
        ("localhost", "max_tokens"),
        ("api.openai.com.evil.example", "max_tokens"),
    ],
)
def test_the_name_of_max_tokens_follows_the_server(host: str, expected: str) -> None:
    assert default_max_tokens_field(host) == expected


async def test_the_name_of_max_tokens_can_be_chosen() -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        spec = model(server.url, max_tokens_field="max_completion_tokens")
        await call(spec, settings(), max_tokens=7)
    assert server.requests[0].json["max_completion_tokens"] == 7
    assert "max_tokens" not in server.requests[0].json


def test_top_k_is_refused_and_the_way_round_it_told() -> None:
    with pytest.raises(UnsupportedParameterError, match="extra") as caught:
        request_body(request(model(None), top_k=4), "max_tokens")
    assert caught.value.parameter == "top_k"


@pytest.mark.parametrize("name", ["model", "messages", "stream", "temperature", "n", "seed"])
def test_extra_cannot_take_the_place_of_another_field(name: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=name) as caught:
        request_body(request(model(None), extra={name: 1}), "max_tokens")
    assert caught.value.parameter == "extra"


# --- to whom, with which key ------------------------------------------------------------------


async def test_the_key_goes_to_the_configured_server() -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        await call(model(None), settings(openai_base_url=f"{server.url}/v1/"))
    assert server.requests[0].path == "/v1/chat/completions"
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_an_address_of_any_script_is_sent_as_http_has_it() -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        await call(model(f"{server.url}/größe/v1/"), settings())
    assert server.requests[0].path == "/gr%C3%B6%C3%9Fe/v1/chat/completions"


async def test_no_other_server_gets_the_key() -> None:
    async with recording() as configured, recording() as other:
        other.answer(200, ANSWER)
        config = settings(openai_base_url=configured.url)
        await call(model(other.url), config)
    sent = other.requests[0]
    assert "Authorization" not in sent.headers
    assert KEY not in f"{dict(sent.headers)} {sent.body!r}"


async def test_the_same_server_gets_the_key_under_a_models_own_address() -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        await call(model(f"{server.url}/other/v1"), settings(openai_base_url=f"{server.url}/v1"))
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_keys_by_host_need_https() -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        await call(model(server.url), settings(api_keys={"127.0.0.1": SecretStr("sk-other-1")}))
    assert "Authorization" not in server.requests[0].headers


async def test_a_key_that_no_header_can_hold_is_told_without_showing_it() -> None:
    config = settings(openai_api_key=SecretStr("sk-abc\r\nX-Evil: 1"))
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY") as caught:
        await call(model(None), config)
    assert "sk-abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, "/openai/v1/chat/completions"),
        (
            {"api_version": "2024-10-21"},
            "/openai/deployments/my%20gpt%2Fx/chat/completions?api-version=2024-10-21",
        ),
    ],
)
async def test_azure_has_its_own_paths_and_header(options: dict[str, Any], path: str) -> None:
    async with recording() as server:
        server.answer(200, ANSWER)
        spec = model(server.url, name="my gpt/x", azure=True, **options)
        await call(spec, settings(openai_base_url=server.url))
    assert server.requests[0].path == path
    assert server.requests[0].headers["api-key"] == KEY
    assert "Authorization" not in server.requests[0].headers


async def test_azure_without_a_key_says_where_to_put_one() -> None:
    spec = model("https://acme.openai.azure.com", azure=True)
    with pytest.raises(AuthenticationError, match=r"acme\.openai\.azure\.com.*PROMPT_APP_API_KEYS"):
        await call(spec, settings())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"azur": True}, "azur"),
        ({"max_tokens_field": "tokens"}, "max_tokens_field"),
        ({"azure": True}, "needs a base_url"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        connect(model(None, **options), settings())


def test_a_wrong_address_is_told_before_any_call() -> None:
    with pytest.raises(InputError, match="http"):
        connect(model("ftp://example.com"), settings())


# --- what comes back --------------------------------------------------------------------------


async def test_a_reply_keeps_everything() -> None:
    async with recording() as server:
        reply = await reply_to(server, ANSWER)
    assert reply.text == "Hi"
    assert reply.usage == TokenUsage(input=9, output=2)
    assert (reply.request_id, reply.model) == ("req-1", "gpt-x-2026-01-01")
    assert reply.raw == ANSWER
    assert reply.latency_seconds > 0


@pytest.mark.parametrize(
    ("change", "text", "finish"),
    [
        ({"finish_reason": "length"}, "Hi", "length"),
        ({"finish_reason": "content_filter"}, "Hi", "content_filter"),
        ({"finish_reason": "eos"}, "Hi", "other"),
        ({"finish_reason": None}, "Hi", "other"),
        ({"message": {"content": None}, "finish_reason": "length"}, "", "length"),
        ({"message": {"content": None, "refusal": "I can't."}}, "I can't.", "content_filter"),
        ({"message": {"content": "", "refusal": None}}, "", "stop"),
        (
            {
                "message": {"content": None, "tool_calls": [{"id": "1"}]},
                "finish_reason": "tool_calls",
            },
            "",
            "tool_use",
        ),
        (
            {"message": {"content": [{"type": "text", "text": "a"}, {"type": "x"}, {"text": "b"}]}},
            "ab",
            "stop",
        ),
    ],
)
async def test_unusual_messages_are_read_with_sense(
    change: dict[str, Any], text: str, finish: str
) -> None:
    async with recording() as server:
        reply = await reply_to(server, answer_with(**change))
    assert (reply.text, reply.outputs[0].finish_reason) == (text, finish)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{}]},
        answer_with(message=None),
        answer_with(message={"content": 5}),
        answer_with(finish_reason="error"),
        b'{"choices": [',
    ],
)
async def test_a_reply_that_is_not_whole_is_never_returned(body: Any) -> None:
    async with recording() as server:
        with pytest.raises(MalformedReplyError):
            await reply_to(server, body)


async def test_fewer_responses_than_asked_for_are_no_reply() -> None:
    async with recording() as server:
        with pytest.raises(UnsupportedParameterError) as caught:
            await reply_to(server, ANSWER, num_responses=2)
    assert caught.value.parameter == "num_responses"


async def test_an_error_with_status_200_is_an_error() -> None:
    async with recording() as server:
        with pytest.raises(RateLimitedError):
            await reply_to(server, {"error": {"message": "slow down", "code": 429}})
        with pytest.raises(ServerError):
            await reply_to(server, {"error": {"message": "upstream died"}})


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, TokenUsage()),
        ({}, TokenUsage()),
        ({"prompt_tokens": None, "completion_tokens": -1}, TokenUsage()),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "total_tokens": 150,
                "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            TokenUsage(input=100, output=50, cached_input=64, reasoning=40),
        ),
        # A server that counts reasoning outside completion_tokens.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 10,
                "total_tokens": 150,
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            TokenUsage(input=100, output=50, reasoning=40),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8},
            TokenUsage(input=10, output=1, cached_input=8),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 6},
            },
            TokenUsage(input=10, output=1, cached_input=4, cache_write=6),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
            TokenUsage(input=10, output=1),
        ),
        (
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}},
            TokenUsage(input=5, cached_input=5),
        ),
        # What no server should say, and no database could hold.
        (
            {"prompt_tokens": 10**30, "completion_tokens": float("inf"), "total_tokens": "many"},
            TokenUsage(input=MOST_TOKENS, output=MOST_TOKENS),
        ),
        (
            {"prompt_tokens": float("nan"), "prompt_tokens_details": [1], "completion_tokens": 1},
            TokenUsage(output=1),
        ),
    ],
)
def test_tokens_are_counted_once(usage: Any, expected: TokenUsage) -> None:
    assert read_usage(usage) == expected


def problem(message: str, **rest: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, **rest}}


REFUSALS: list[tuple[int, Any, dict[str, Any], type[ProviderError], str | None]] = [
    (401, problem(f"Incorrect API key provided: {KEY}."), {}, AuthenticationError, None),
    (403, problem("Country not supported."), {}, AuthenticationError, None),
    (403, problem("No access.", code="model_not_found"), {}, ModelNotFoundError, None),
    (404, problem("No such model.", code="model_not_found"), {}, ModelNotFoundError, None),
    (404, b"404 page not found", {}, ModelNotFoundError, None),
    (404, {"error": {"code": "DeploymentNotFound", "message": "x"}}, {}, ModelNotFoundError, None),
    (301, b"", {}, ModelNotFoundError, None),
    (402, problem("Insufficient balance"), {}, QuotaExhaustedError, None),
    (429, problem("Slow down.", code="rate_limit_exceeded"), {}, RateLimitedError, None),
    (429, problem("No quota.", code="insufficient_quota"), {}, QuotaExhaustedError, None),
    (429, problem("No quota.", type="insufficient_quota"), {}, QuotaExhaustedError, None),
    (400, problem("x", code="billing_hard_limit_reached"), {}, QuotaExhaustedError, None),
    (429, problem("Request too large for gpt-4o in ..."), {}, RequestRefusedError, None),
    (408, b"", {}, ServerError, None),
    (500, problem("Oops"), {}, ServerError, None),
    (502, b"<html>Bad gateway</html>", {}, ServerError, None),
    (529, problem("Overloaded"), {}, ServerError, None),
    (400, problem("x", code="context_length_exceeded"), {}, ContextTooLongError, None),
    (413, b"", {}, ContextTooLongError, None),
    (
        400,
        {"object": "error", "message": "This model's maximum context length is 4096 tokens."},
        {},
        ContextTooLongError,
        None,
    ),
    (400, problem("x", code="content_filter"), {}, ContentFilteredError, None),
    (400, problem("x", code="invalid_prompt"), {}, ContentFilteredError, None),
    (400, problem("Something else."), {"temperature": 1}, RequestRefusedError, None),
    (400, {"detail": "Not like that"}, {}, RequestRefusedError, None),
    (400, ["not", "an", "object"], {}, RequestRefusedError, None),
    (
        400,
        problem("Unsupported value.", param="temperature", code="unsupported_value"),
        {"temperature": 0.2},
        UnsupportedParameterError,
        "temperature",
    ),
    (
        400,
        problem("Unsupported parameter.", param="max_tokens", code="unsupported_parameter"),
        {"max_tokens": 5},
        UnsupportedParameterError,
        "max_tokens",
    ),
    (
        400,
        problem("Unsupported parameter.", param="reasoning.effort", code="unsupported_parameter"),
        {"reasoning_effort": "high"},
        UnsupportedParameterError,
        "reasoning_effort",
    ),
    (
        400,
        problem("Unrecognized request argument supplied: top_k"),
        {"extra": {"top_k": 5}},
        UnsupportedParameterError,
        "extra",
    ),
    (
        400,
        problem("Unknown parameter.", param="guided.x", code="unknown_parameter"),
        {"extra": {"guided": {"x": 1}}},
        UnsupportedParameterError,
        "extra",
    ),
    (
        422,
        {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
        {"seed": 1},
        UnsupportedParameterError,
        "seed",
    ),
    (
        400,
        problem("Unsupported content type.", param="messages", code="unsupported_value"),
        {"temperature": 1},
        RequestRefusedError,
        None,
    ),
]


@pytest.mark.parametrize(("status", "body", "parameters", "expected", "named"), REFUSALS)
async def test_every_refusal_has_its_error(
    status: int,
    body: Any,
    parameters: dict[str, Any],
    expected: type[ProviderError],
    named: str | None,
) -> None:
    async with recording() as server:
        server.answer(status, body, x_request_id="req-9")
        with pytest.raises(ProviderError) as caught:
            await call(model(None), settings(openai_base_url=server.url), **parameters)
    error = caught.value
    assert type(error) is expected
    assert error.status == status
    assert error.request_id == "req-9"
    assert KEY not in str(error)
    assert len(str(error)) < 600
    if isinstance(error, UnsupportedParameterError):
        assert error.parameter == named
    if expected is AuthenticationError:
        assert "OPENAI_API_KEY" in str(error)


async def test_the_wait_is_told_with_a_rate_limit() -> None:
    async with recording() as server:
        server.answer(429, problem("slow"), retry_after_ms="250")
        with pytest.raises(RateLimitedError) as caught:
            await call(model(server.url), settings())
    assert caught.value.retry_after == 0.25
