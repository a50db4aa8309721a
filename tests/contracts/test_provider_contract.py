"""What every provider in the table does, over real sockets: a new provider is right when this
suite passes for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil
import pytest
from pydantic import SecretStr

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
    ConnectionFailedError,
    DeadlineExceededError,
    MalformedReplyError,
    ModelNotFoundError,
    PromptAppError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    UnsupportedParameterError,
)
from prompt_app.interfaces import Provider
from prompt_app.providers import PROVIDERS, connect, connection_key
from prompt_app.providers.mock_server import MockServer
from prompt_app.settings import Settings

KEY = "sk-contract-0123456789abcdef"
AWS_SECRET = "contractSecretAccessKey0123456789abcdef"
REMOTE = sorted(set(PROVIDERS) - {"offline"})
PROMPT = "Question: What colour is the sky? Passage: The sky is blue."


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.replace("-", ""))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)


def settings_for(url: str) -> Settings:
    return Settings(
        _env_file=None,
        openai_api_key=SecretStr(KEY),
        openai_base_url=f"{url}/v1",
        aws_region="us-east-1",
        bedrock_endpoint_url=url,
        sagemaker_endpoint_url=url,
    )


def request_to(provider: str, name: str = "fixed", **parameters: object) -> GenerationRequest:
    return GenerationRequest(
        model=ModelSpec(provider=provider, name=name),
        messages=(
            Message(role="system", content="Answer briefly."),
            Message(role="user", content=PROMPT),
        ),
        parameters=InferenceParameters.model_validate(parameters),
    )


@asynccontextmanager
async def connected(provider: str, url: str) -> AsyncIterator[Provider]:
    connection = connect(ModelSpec(provider=provider, name="any"), settings_for(url))
    try:
        yield connection
    finally:
        await connection.close()


async def one_call(provider: str, url: str, timeout: float = 10, **parameters: object) -> Reply:
    async with connected(provider, url) as connection:
        return await connection.generate(request_to(provider, **parameters), timeout)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_a_reply_is_whole_and_counted(provider: str, mock_server: MockServer) -> None:
    reply = await one_call(provider, mock_server.url, max_tokens=50)

    assert reply.text == "OK"
    assert reply.outputs[0].finish_reason == "stop"
    assert reply.usage.input > 0
    assert reply.usage.output > 0
    assert reply.latency_seconds >= 0
    if provider in REMOTE:
        stats = mock_server.stats()
        assert (stats["received"], stats["answered"]) == (1, 1)
        assert reply.usage == TokenUsage(input=stats["input_tokens"], output=stats["output_tokens"])
        assert reply.request_id == "mock-1"
        assert reply.raw


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_several_responses_come_from_one_call(provider: str, mock_server: MockServer) -> None:
    reply = await one_call(provider, mock_server.url, num_responses=3)

    assert [output.text for output in reply.outputs] == ["OK"] * 3


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_a_parameter_that_is_not_taken_is_named(
    provider: str, mock_server: MockServer
) -> None:
    if provider in REMOTE:
        mock_server.control(unsupported=["temperature"])
        parameters: dict[str, object] = {"temperature": 0.5}
    else:
        parameters = {"top_p": 0.5}

    with pytest.raises(UnsupportedParameterError) as caught:
        await one_call(provider, mock_server.url, **parameters)

    assert caught.value.parameter == next(iter(parameters))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"p_429": 1, "retry_after": 7}, RateLimitedError),
        ({"quota_after": 0}, QuotaExhaustedError),
        ({"p_500": 1}, ServerError),
        ({"p_reset": 1}, ConnectionFailedError),
        ({"p_truncate": 1}, MalformedReplyError),
        ({"p_malformed": 1, "seed": 0}, MalformedReplyError),
        ({"p_malformed": 1, "seed": 1}, MalformedReplyError),
        ({"p_hang": 1}, DeadlineExceededError),
        ({"models": ["another"]}, ModelNotFoundError),
        ({"api_key": "another"}, AuthenticationError),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("provider", REMOTE)
async def test_each_fault_has_its_error(
    provider: str,
    options: dict[str, object],
    expected: type[ProviderError],
    mock_server: MockServer,
) -> None:
    mock_server.control(**options)

    with pytest.raises(PromptAppError) as caught:
        await one_call(provider, mock_server.url, timeout=0.5 if "p_hang" in options else 10)

    error = caught.value
    assert type(error) is expected
    assert "\n" not in str(error)
    assert KEY not in str(error)
    assert KEY.replace("-", "") not in str(error)
    assert AWS_SECRET not in str(error)
    if isinstance(error, RateLimitedError):
        assert error.retry_after == 7


@pytest.mark.parametrize("provider", REMOTE)
async def test_an_absent_server_is_told_with_its_address(provider: str) -> None:
    with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1.*refused"):
        await one_call(provider, "http://127.0.0.1:1")


@pytest.mark.parametrize("provider", REMOTE)
async def test_the_deadline_holds_from_the_first_moment(
    provider: str, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=5000)
    async with connected(provider, mock_server.url) as connection:
        with pytest.raises(DeadlineExceededError):
            await connection.generate(request_to(provider), 0.3)
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            await connection.generate(request_to(provider), 0.3)
    assert 0.25 < time.monotonic() - started < 1.0


@pytest.mark.parametrize("provider", REMOTE)
async def test_a_cancelled_call_leaves_no_socket(provider: str, mock_server: MockServer) -> None:
    mock_server.control(p_hang=1)
    async with connected(provider, mock_server.url) as connection:
        call = asyncio.create_task(connection.generate(request_to(provider), 60))
        await until(lambda: mock_server.stats().get("hung") == 1)
        assert len(open_sockets_to(mock_server.url)) == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: not open_sockets_to(mock_server.url))
    await until(lambda: mock_server.stats()["in_flight"] == 0)


@pytest.mark.parametrize("provider", REMOTE)
async def test_a_closed_connection_leaves_no_socket(provider: str, mock_server: MockServer) -> None:
    async with connected(provider, mock_server.url) as connection:
        await connection.generate(request_to(provider), 10)
        assert len(open_sockets_to(mock_server.url)) == 1
        await connection.close()
    await until(lambda: not open_sockets_to(mock_server.url))


@pytest.mark.parametrize("provider", REMOTE)
async def test_a_hundred_calls_run_at_once(provider: str, mock_server: MockServer) -> None:
    mock_server.control(latency_ms=300)
    async with connected(provider, mock_server.url) as connection:
        await connection.generate(request_to(provider), 10)
        mock_server.reset()
        replies = await asyncio.gather(
            *(connection.generate(request_to(provider), 30) for _ in range(100))
        )
    assert {reply.text for reply in replies} == {"OK"}
    assert mock_server.stats()["peak_in_flight"] == 100


@pytest.mark.parametrize("provider", REMOTE)
async def test_connections_are_kept_alive(provider: str, mock_server: MockServer) -> None:
    async with connected(provider, mock_server.url) as connection:
        for _ in range(3):
            await connection.generate(request_to(provider), 10)
        assert len(open_sockets_to(mock_server.url)) == 1


@pytest.mark.parametrize("provider", REMOTE)
async def test_text_that_no_request_can_hold_is_refused(provider: str) -> None:
    request = request_to(provider)
    broken = request.model_copy(update={"messages": (Message(role="user", content="a\ud800"),)})
    async with connected(provider, "http://127.0.0.1:1") as connection:
        with pytest.raises(ProviderError, match="surrogate"):
            await connection.generate(broken, 10)


def test_one_connection_serves_all_models_of_a_server() -> None:
    one, other = (ModelSpec(provider="openai", name=name) for name in ("a", "b"))
    elsewhere = ModelSpec(provider="openai", name="a", base_url="http://localhost:1/v1")
    assert connection_key(one) == connection_key(other) != connection_key(elsewhere)


def open_sockets_to(url: str) -> list[object]:
    """This process's client sockets to the server, whatever their state."""
    port = int(url.rpartition(":")[2])
    return [
        connection
        for connection in psutil.Process().net_connections("tcp")
        if connection.raddr and connection.raddr.port == port and connection.status != "NONE"
    ]


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)
