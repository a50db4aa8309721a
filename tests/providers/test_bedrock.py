"""Bedrock's Converse API: where each family takes each parameter, keys, regions and refusals."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials
from pydantic import SecretStr
from recorder import recording

from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextTooLongError,
    EvaluationError,
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
from prompt_app.providers.aws import Signer, is_aws_host
from prompt_app.providers.bedrock import bedrock_key
from prompt_app.providers.bedrock_wire import request_body
from prompt_app.providers.mock_server import MockServer
from prompt_app.settings import Settings

API_KEY = "ABSKdGVzdC1rZXktMTIzNDU2Nzg5MA=="
CLAUDE_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_4_6 = "global.anthropic.claude-opus-4-6-v1:0"
CLAUDE_5 = "us.anthropic.claude-sonnet-5-5"
NOVA, NOVA_2 = "eu.amazon.nova-lite-v1:0", "us.amazon.nova-2-lite-v1:0"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234567890")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretsecretsecretsecret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{"aws_region": "us-east-1", **changes})


def request(name: str, **parameters: Any) -> GenerationRequest:
    return GenerationRequest(
        model=ModelSpec(provider="bedrock", name=name),
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="Hi")),
        parameters=InferenceParameters.model_validate(parameters),
    )


async def call(config: Settings, name: str = NOVA, **parameters: Any) -> Reply:
    provider = connect(ModelSpec(provider="bedrock", name=name), config)
    try:
        return await provider.generate(request(name, **parameters), 10)
    finally:
        await provider.close()


# --- what is sent -----------------------------------------------------------------------------


def test_the_common_parameters_have_their_place() -> None:
    body = request_body(request(NOVA, temperature=0, top_p=0.5, max_tokens=7, stop=["x"]))
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "inferenceConfig": {
            "temperature": 0.0,
            "topP": 0.5,
            "maxTokens": 7,
            "stopSequences": ("x",),
        },
    }


def test_what_is_not_given_is_not_sent() -> None:
    assert set(request_body(request(NOVA))) == {"system", "messages"}


@pytest.mark.parametrize(
    ("name", "parameters", "fields"),
    [
        (CLAUDE_4_5, {"top_k": 5}, {"top_k": 5}),
        (NOVA, {"top_k": 5}, {"inferenceConfig": {"topK": 5}}),
        ("mistral.mixtral-8x7b-instruct-v0:1", {"top_k": 5}, {"top_k": 5}),
        ("cohere.command-r-plus-v1:0", {"top_k": 5}, {"k": 5}),
        (
            f"arn:aws:bedrock:us-east-1:1:inference-profile/{CLAUDE_4_5}",
            {"top_k": 5},
            {"top_k": 5},
        ),
        (
            CLAUDE_4_6,
            {"reasoning_effort": "high"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (
            CLAUDE_5,
            {"reasoning_effort": "xhigh"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
        ),
        (
            NOVA_2,
            {"reasoning_effort": "low"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
        ),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("us.openai.gpt-6-sol", {"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
        ("any.model", {"extra": {"a": 1}}, {"a": 1}),
        (
            NOVA,
            {"top_k": 5, "extra": {"inferenceConfig": {"x": 1}, "y": 2}},
            {"inferenceConfig": {"topK": 5, "x": 1}, "y": 2},
        ),
    ],
)
def test_each_family_takes_them_where_it_does(
    name: str, parameters: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert request_body(request(name, **parameters))["additionalModelRequestFields"] == fields


@pytest.mark.parametrize(
    ("name", "parameters", "refused"),
    [
        (NOVA, {"seed": 1}, "seed"),
        (NOVA, {"temperature": 1.5}, "temperature"),
        ("meta.llama3-8b-instruct-v1:0", {"top_k": 5}, "top_k"),
        (CLAUDE_5, {"top_k": 5}, "top_k"),
        (CLAUDE_4_5, {"reasoning_effort": "low"}, "reasoning_effort"),
        (CLAUDE_4_6, {"reasoning_effort": "xhigh"}, "reasoning_effort"),
        (NOVA_2, {"reasoning_effort": "minimal"}, "reasoning_effort"),
        (CLAUDE_4_5, {"top_k": 5, "extra": {"top_k": 6}}, "extra"),
    ],
)
def test_what_has_no_place_is_refused_never_dropped(
    name: str, parameters: dict[str, Any], refused: str
) -> None:
    with pytest.raises(UnsupportedParameterError) as caught:
        request_body(request(name, **parameters))
    assert caught.value.parameter == refused


async def test_several_responses_are_several_requests_in_one_call(mock_server: MockServer) -> None:
    mock_server.control(latency_ms=100)
    reply = await call(settings(bedrock_endpoint_url=mock_server.url), "fixed", num_responses=4)
    stats = mock_server.stats()
    assert len(reply.outputs) == 4
    assert stats["peak_in_flight"] == stats["answered"] == 4
    assert reply.usage.input == stats["input_tokens"]
    assert len(reply.raw["responses"]) == 4


async def test_when_one_of_several_fails_the_error_carries_what_the_others_answered(
    mock_server: MockServer,
) -> None:
    mock_server.control(latency_ms=200, max_concurrency=3)
    with pytest.raises(RateLimitedError) as caught:
        await call(settings(bedrock_endpoint_url=mock_server.url), "fixed", num_responses=4)
    assert mock_server.stats()["answered"] == len(caught.value.answered) == 3


# --- who signs, and where to ------------------------------------------------------------------


async def test_an_api_key_takes_the_place_of_a_signature() -> None:
    async with recording() as server:
        server.answer(200, REPLY)
        await call(
            settings(bedrock_endpoint_url=server.url, bedrock_api_key=SecretStr(f" {API_KEY}\n"))
        )
    assert server.requests[0].headers["Authorization"] == f"Bearer {API_KEY}"
    assert "X-Amz-Date" not in server.requests[0].headers


async def test_another_server_gets_a_signature_never_the_key() -> None:
    async with recording() as server:
        server.answer(200, REPLY)
        spec = ModelSpec(provider="bedrock", name=NOVA, base_url=server.url)
        provider = connect(spec, settings(bedrock_api_key=SecretStr(API_KEY)))
        await provider.generate(request(NOVA), 10)
        await provider.close()
    sent = server.requests[0].headers
    assert sent["Authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert API_KEY not in str(dict(sent))


@pytest.mark.parametrize(
    ("endpoint", "has_key"),
    [
        (None, True),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", True),
        ("https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com", True),
        ("http://bedrock-runtime.eu-west-1.amazonaws.com", False),
        ("https://amazonaws.com.evil.example", False),
        ("https://evil-amazonaws.com", False),
    ],
)
def test_the_key_is_for_aws_alone(endpoint: str | None, has_key: bool) -> None:
    assert bool(bedrock_key(endpoint, settings(bedrock_api_key=SecretStr(API_KEY)))) is has_key


@pytest.mark.parametrize(
    "host", ["x.amazonaws.com", "x.y.amazonaws.com.cn", "bedrock.us-east-1.api.aws"]
)
def test_hosts_of_aws(host: str) -> None:
    assert is_aws_host(host)
    assert not is_aws_host(f"{host}.example")


@pytest.mark.parametrize("region", ["evil.example/#", "us-east-1.evil.example", "", "US-EAST-1"])
def test_a_region_is_a_region_and_no_part_of_another_address(region: str) -> None:
    with pytest.raises(EvaluationError, match="region"):
        connect(ModelSpec(provider="bedrock", name=NOVA, region=region), settings())


async def test_without_credentials_one_line_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AuthenticationError, match=r"no AWS credentials.*AWS_PROFILE"):
        await call(settings())


async def test_without_a_region_one_line_says_what_to_set() -> None:
    with pytest.raises(AuthenticationError, match="AWS_REGION"):
        await call(settings(aws_region=None))


async def test_a_profile_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AuthenticationError, match="nobody"):
        await call(settings())


async def test_credentials_are_renewed_before_they_expire_once_and_off_the_loop() -> None:
    renewing_threads = []

    def renew() -> dict[str, str]:
        renewing_threads.append(threading.current_thread())
        later = datetime.now(UTC) + timedelta(hours=1)
        return {
            "access_key": "AKIDRENEWED",
            "secret_key": "renewed",
            "token": "token",
            "expiry_time": later.isoformat(),
        }

    credentials = RefreshableCredentials(
        "AKIDOLD", "old", "token", datetime.now(UTC) + timedelta(minutes=1), renew, "test"
    )
    signer = Signer(credentials, "bedrock", "us-east-1")
    signed = await asyncio.gather(*(signer.headers("https://h/x", b"", {}) for _ in range(20)))
    assert all("AKIDRENEWED" in headers["Authorization"] for headers in signed)
    assert len(renewing_threads) == 1
    assert renewing_threads[0] is not threading.current_thread()


# --- what comes back --------------------------------------------------------------------------

REPLY: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
}


@pytest.mark.parametrize(
    ("content", "reason", "text", "finish"),
    [
        ([{"text": "a"}, {"text": "b"}], "stop_sequence", "ab", "stop"),
        ([], "guardrail_intervened", "", "content_filter"),
        ([{"toolUse": {"name": "f"}}], "tool_use", "", "tool_use"),
        (
            [{"citationsContent": {"content": [{"text": "cited"}], "citations": []}}],
            "end_turn",
            "cited",
            "stop",
        ),
        ([{"text": "x"}], "malformed_model_output", "x", "other"),
        ([{"text": "x"}], "model_context_window_exceeded", "x", "length"),
    ],
)
async def test_unusual_replies_are_read_with_sense(
    content: list[Any], reason: str, text: str, finish: str
) -> None:
    body = {**REPLY, "output": {"message": {"content": content}}, "stopReason": reason}
    async with recording() as server:
        server.answer(200, body)
        reply = await call(settings(bedrock_endpoint_url=server.url))
    assert (reply.text, reply.outputs[0].finish_reason) == (text, finish)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {**REPLY, "output": None},
        {**REPLY, "output": {"message": {"content": ["text"]}}},
        {**REPLY, "output": {"message": {"content": [{"text": 5}]}}},
        {name: value for name, value in REPLY.items() if name != "stopReason"},
    ],
)
async def test_a_reply_that_is_not_whole_is_never_returned(body: Any) -> None:
    async with recording() as server:
        server.answer(200, body)
        with pytest.raises(MalformedReplyError):
            await call(settings(bedrock_endpoint_url=server.url))


VALIDATION = "ValidationException:http://internal.amazon.com/coral/"
MODEL_SAID = "The model returned the following errors: "
REFUSALS: list[tuple[int, str, str, dict[str, Any], type[ProviderError], str | None]] = [
    (429, "ThrottlingException", "Too many requests", {}, RateLimitedError, None),
    (400, "ThrottlingException", "Rate exceeded", {}, RateLimitedError, None),
    (429, "ThrottlingException", "Too many tokens per day", {}, QuotaExhaustedError, None),
    (400, "ServiceQuotaExceededException", "x", {}, QuotaExhaustedError, None),
    (429, "ModelNotReadyException", "x", {}, RateLimitedError, None),
    (408, "ModelTimeoutException", "x", {}, ServerError, None),
    (424, "ModelErrorException", "x", {}, ServerError, None),
    (500, "InternalServerException", "x", {}, ServerError, None),
    (503, "ServiceUnavailableException", "x", {}, ServerError, None),
    (403, "AccessDeniedException", "You don't have access", {}, AuthenticationError, None),
    (403, "UnrecognizedClientException", "The security token", {}, AuthenticationError, None),
    (400, "ExpiredTokenException", "expired", {}, AuthenticationError, None),
    (403, "", "Forbidden", {}, AuthenticationError, None),
    (404, "ResourceNotFoundException", "No model", {}, ModelNotFoundError, None),
    (400, VALIDATION, "The provided model identifier is invalid.", {}, ModelNotFoundError, None),
    (
        400,
        VALIDATION,
        "Invocation of model ID x with on-demand throughput isn't supported. Retry your request "
        "with the ID or ARN of an inference profile that contains this model.",
        {},
        ModelNotFoundError,
        None,
    ),
    (400, VALIDATION, "Input is too long for requested model.", {}, ContextTooLongError, None),
    (400, VALIDATION, "Blocked by your content filter", {}, ContentFilteredError, None),
    (400, VALIDATION, "The text field is blank.", {}, RequestRefusedError, None),
    (
        400,
        VALIDATION,
        MODEL_SAID + "`temperature` is deprecated for this model.",
        {"temperature": 0.1},
        UnsupportedParameterError,
        "temperature",
    ),
    (
        400,
        VALIDATION,
        MODEL_SAID + "`temperature` and `top_p` cannot both be specified for this model. Please "
        "use only one.",
        {"temperature": 0.1, "top_p": 0.5},
        UnsupportedParameterError,
        "top_p",
    ),
    (
        400,
        VALIDATION,
        "Malformed input request: extraneous key [topK] is not permitted",
        {"top_k": 5},
        UnsupportedParameterError,
        "top_k",
    ),
    (
        400,
        VALIDATION,
        "This model doesn't support the stopSequences field. Remove stopSequences and try again.",
        {"stop": ["x"]},
        UnsupportedParameterError,
        "stop",
    ),
    (
        400,
        VALIDATION,
        MODEL_SAID + '{"error":{"message":"Unknown parameter: \'guided\'."}}',
        {"extra": {"guided": 1}},
        UnsupportedParameterError,
        "extra",
    ),
]


@pytest.mark.parametrize(("status", "code", "message", "parameters", "expected", "named"), REFUSALS)
async def test_every_refusal_has_its_error(
    status: int,
    code: str,
    message: str,
    parameters: dict[str, Any],
    expected: type[ProviderError],
    named: str | None,
) -> None:
    async with recording() as server:
        server.answer(status, {"message": message}, x_amzn_ErrorType=code, x_amzn_RequestId="r-2")
        with pytest.raises(ProviderError) as caught:
            await call(settings(bedrock_endpoint_url=server.url), **parameters)
    error = caught.value
    assert type(error) is expected
    assert (error.status, error.request_id) == (status, "r-2")
    if isinstance(error, UnsupportedParameterError):
        assert error.parameter == named


async def test_a_model_without_on_demand_throughput_is_told_its_profiles() -> None:
    async with recording() as server:
        server.answer(
            400,
            {"message": "... with on-demand throughput isn't supported ..."},
            x_amzn_ErrorType="ValidationException",
        )
        with pytest.raises(ModelNotFoundError, match=r"us\.anthropic\.claude"):
            await call(settings(bedrock_endpoint_url=server.url), "anthropic.claude-sonnet-5-5")
