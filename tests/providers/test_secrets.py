"""Keys from the settings and from Secrets Manager (moto's, over HTTP)."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from recorder import recording

from prompt_app.datamodel.model import GenerationRequest, ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import AuthenticationError
from prompt_app.providers import connect
from prompt_app.providers.catalogue import check_access
from prompt_app.providers.secrets import Once, openai_key, origin, secret_value
from prompt_app.settings import Settings

KEY = "sk-from-the-vault-1234567890"
OPENAI = "https://api.openai.com/v1"


@pytest.fixture(scope="module")
def vault() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, vault: str) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234567890")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretsecretsecretsecret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", vault)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = boto3.Session().client("secretsmanager", region_name="us-east-1")
    yield client
    for secret in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


def settings(**changes: Any) -> Settings:
    return Settings(
        _env_file=None, **{"aws_region": "us-east-1", "openai_api_key": None, **changes}
    )


@pytest.mark.parametrize(
    "stored",
    [
        KEY,
        f"  {KEY}\n",
        json.dumps({"OPENAI_API_KEY": KEY, "other": "x"}),
        json.dumps({"api_key": KEY, "note": "x", "number": 5}),
        json.dumps({"whatever": KEY}),
    ],
)
def test_a_secret_is_a_plain_key_or_json_with_one(aws: Any, stored: str) -> None:
    aws.create_secret(Name="openai_key", SecretString=stored)
    assert openai_key(OPENAI, None, settings()) == KEY


@pytest.mark.parametrize("stored", ['{"a": "x", "b": "y"}', "{broken", '{"a": 5}'])
def test_a_secret_without_a_key_says_how_to_store_one(aws: Any, stored: str) -> None:
    aws.create_secret(Name="openai_key", SecretString=stored)
    with pytest.raises(AuthenticationError, match=r"api_key") as caught:
        openai_key(OPENAI, None, settings())
    assert stored not in str(caught.value)


def test_a_secret_that_is_not_there_says_both_ways(aws: Any) -> None:
    with pytest.raises(AuthenticationError) as caught:
        openai_key(OPENAI, None, settings())
    for part in ("OPENAI_API_KEY", "'openai_key'", "no such secret"):
        assert part in str(caught.value)


def test_without_any_credentials_one_line_says_what_to_set(no_aws: None) -> None:
    with pytest.raises(AuthenticationError, match=r"OPENAI_API_KEY.*no AWS credentials"):
        check_access(ModelSpec(provider="openai", name="gpt-x"), settings())


@pytest.mark.parametrize("provider", ["bedrock", "sagemaker"])
def test_aws_models_need_aws_credentials(no_aws: None, provider: str) -> None:
    with pytest.raises(AuthenticationError, match="no AWS credentials"):
        check_access(ModelSpec(provider=provider, name="m"), settings())


def test_a_bedrock_key_is_enough(no_aws: None) -> None:
    spec = ModelSpec(provider="bedrock", name="amazon.nova-lite-v1:0")
    check_access(spec, settings(bedrock_api_key=SecretStr("ABSK1234567890")))


@pytest.mark.parametrize("provider", ["offline", "openai"])
def test_local_models_need_nothing(no_aws: None, provider: str) -> None:
    url = "http://localhost:11434/v1" if provider == "openai" else None
    check_access(ModelSpec(provider=provider, name="echo", base_url=url), settings())


def test_keys_of_other_servers_are_found_by_host() -> None:
    config = settings(
        openai_api_key=SecretStr("sk-openai-1"), api_keys={"openrouter.ai": SecretStr("sk-or-1")}
    )
    assert openai_key("https://openrouter.ai/api/v1", None, config) == "sk-or-1"
    assert openai_key("https://openrouter.ai.evil.example/v1", None, config) is None
    assert openai_key("http://openrouter.ai/api/v1", None, config) is None
    assert openai_key(OPENAI, None, config) == "sk-openai-1"
    assert openai_key("http://api.openai.com/v1", None, config) is None
    assert openai_key("https://api.openai.com:8443/v1", None, config) is None


def test_a_model_can_name_its_own_secret(aws: Any) -> None:
    aws.create_secret(Name="gateway", SecretString=KEY)
    config = settings(openai_api_key=SecretStr("sk-openai-1"))
    assert openai_key("https://gateway.example/v1", "gateway", config) == KEY


def test_a_configured_server_without_a_key_needs_none(no_aws: None) -> None:
    config = settings(openai_base_url="http://localhost:11434/v1")
    assert openai_key("http://localhost:11434/v1", None, config) is None


def test_access_that_is_denied_is_told(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> None:
        async with recording() as server:
            server.answer(400, {"__type": "AccessDeniedException", "Message": "no"})
            monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url)
            with pytest.raises(AuthenticationError) as refused:
                await asyncio.to_thread(secret_value, "openai_key", settings())
        # A role that may read only this secret gets the same answer when there is none.
        for possibility in ("there is no such secret", "allow secretsmanager:GetSecretValue"):
            assert possibility in str(refused.value)

    asyncio.run(refuse())


async def test_the_secret_is_fetched_once_for_all_calls(aws: Any) -> None:
    aws.create_secret(Name="gateway", SecretString=KEY)
    async with recording() as server:
        server.answer(200, {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})
        spec = ModelSpec(
            provider="openai",
            name="m",
            base_url=server.url,
            options={"api_key_secret": "gateway"},
        )
        provider = connect(spec, settings())
        request = GenerationRequest(model=spec, messages=(Message(role="user", content="x"),))
        await asyncio.gather(*(provider.generate(request, 20) for _ in range(20)))
        aws.delete_secret(SecretId="gateway", ForceDeleteWithoutRecovery=True)
        await provider.generate(request, 20)
        await provider.close()
    assert {sent.headers["Authorization"] for sent in server.requests} == {f"Bearer {KEY}"}


async def test_once_is_shared_survives_cancellation_and_forgets_failures() -> None:
    calls = 0
    go = threading.Event()

    def slow() -> int:
        nonlocal calls
        calls += 1
        go.wait(5)
        if calls == 1:
            raise AuthenticationError("first")
        return calls

    once = Once(slow)
    waiters = [asyncio.create_task(once.get()) for _ in range(5)]
    await asyncio.sleep(0)
    waiters[0].cancel()
    go.set()
    results = await asyncio.gather(*waiters, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(result, AuthenticationError) for result in results[1:])
    assert await once.get() == 2
    assert await once.get() == 2


async def test_a_slow_look_up_does_not_hold_the_loop() -> None:
    once = Once(lambda: time.sleep(0.2))
    ticks = 0
    task = asyncio.create_task(once.get())
    while not task.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/v1", "https://a.example:443/other", True),
        ("https://a.example", "https://A.EXAMPLE", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://a.example", "https://b.a.example", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin(one) == origin(other)) is same
