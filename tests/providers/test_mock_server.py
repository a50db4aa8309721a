"""The mock server, called by the clients of the protocols that it speaks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import socket
import time
import urllib.error
import urllib.request
from typing import Any

import aiohttp
import boto3
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from mock_process import MockProcess

from prompt_app.providers.mock_server import MockServer, MockServerOptions

HELLO: Any = [{"role": "user", "content": "Hello there."}]
CONVERSE: Any = [{"role": "user", "content": [{"text": "Hello there."}]}]


def openai_client(server: MockServer, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def aws_client(server: MockServer, service: Any, key: str = "any") -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


async def statuses(server: MockServer | MockProcess, count: int, at_once: int) -> list[int | str]:
    """The outcome of ``count`` chat calls: the status, or the name of the client's error."""
    outcomes: list[int | str] = []
    numbers = iter(range(count))

    async def caller(session: aiohttp.ClientSession) -> None:
        for _ in numbers:
            try:
                body = {"model": "fixed", "messages": HELLO}
                url = f"{server.url}/v1/chat/completions"
                async with session.post(url, json=body) as response:
                    await response.read()
                    outcomes.append(response.status)
            except (aiohttp.ClientError, TimeoutError) as error:
                outcomes.append(type(error).__name__)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        await asyncio.gather(*(caller(session) for _ in range(at_once)))
    return outcomes


# --- OpenAI ---------------------------------------------------------------------------------


def test_chat_completions(mock_server: MockServer) -> None:
    completion = openai_client(mock_server).chat.completions.create(
        model="echo", messages=HELLO, n=2, max_tokens=2
    )
    assert [choice.message.content for choice in completion.choices] == ["Hello th"] * 2
    assert [choice.finish_reason for choice in completion.choices] == ["length"] * 2
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 7
    assert completion.usage.completion_tokens == 4
    assert completion._request_id


def test_a_stream_holds_the_whole_text_and_the_usage(mock_server: MockServer) -> None:
    text = "A text that is longer than one piece of a stream."
    stream = openai_client(mock_server).chat.completions.create(
        model="echo",
        messages=[{"role": "user", "content": text}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == math.ceil(len(text) / 4)


def test_any_other_model_answers_as_extractive(mock_server: MockServer) -> None:
    prompt = "The old harbour mill in the north was built in 1834 by Ada Brown. Who built the mill?"
    completion = openai_client(mock_server).chat.completions.create(
        model="gpt-99", messages=[{"role": "user", "content": prompt}]
    )
    assert completion.model == "gpt-99"
    assert completion.choices[0].message.content == "Ada Brown"


def test_embeddings_are_deterministic_unit_vectors_and_near_for_near_texts(
    mock_server: MockServer,
) -> None:
    client = openai_client(mock_server)
    texts = ["the old mill", "the old mill today", "zebras run"]
    first, near, far = (
        item.embedding for item in client.embeddings.create(model="e", input=texts).data
    )
    again = client.embeddings.create(model="e", input=texts[0], encoding_format="float").data[0]
    assert again.embedding == pytest.approx(first, abs=1e-6)
    assert sum(x * x for x in first) == pytest.approx(1, abs=1e-5)

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert cosine(first, near) > 0.8
    assert cosine(first, far) < 0.3


def test_models(mock_server: MockServer) -> None:
    client = openai_client(mock_server)
    assert "echo" in [model.id for model in client.models.list()]
    mock_server.control(models=("only",))
    assert [model.id for model in client.models.list()] == ["only"]
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="other", messages=HELLO)
    assert caught.value.code == "model_not_found"


def test_unsupported_parameters_are_refused_as_openai_does(mock_server: MockServer) -> None:
    mock_server.control(unsupported=("temperature",))
    client = openai_client(mock_server)
    client.chat.completions.create(model="echo", messages=HELLO, top_p=0.5)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="echo", messages=HELLO, temperature=0)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "temperature")


def test_the_quota_ends_after_so_many(mock_server: MockServer) -> None:
    mock_server.control(quota_after=2)
    client = openai_client(mock_server)
    for _ in range(2):
        client.chat.completions.create(model="echo", messages=HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="echo", messages=HELLO)
    assert caught.value.code == "insufficient_quota"


def test_the_key_is_asked_for(mock_server: MockServer) -> None:
    mock_server.control(api_key="right")
    openai_client(mock_server, "right").chat.completions.create(model="echo", messages=HELLO)
    with pytest.raises(openai.AuthenticationError):
        openai_client(mock_server, "wrong").chat.completions.create(model="echo", messages=HELLO)
    with pytest.raises(openai.AuthenticationError):
        openai_client(mock_server, "wrong").embeddings.create(model="e", input="x")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"model": "echo"}', b'{"model": "echo", "messages": [1]}']
)
def test_a_wrong_request_is_refused(mock_server: MockServer, body: bytes) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{mock_server.url}/v1/chat/completions", data=body)
    assert caught.value.code == 400
    caught.value.close()


# --- AWS ------------------------------------------------------------------------------------


def test_converse(mock_server: MockServer) -> None:
    client = aws_client(mock_server, "bedrock-runtime")
    reply = client.converse(
        modelId="echo", messages=CONVERSE, inferenceConfig={"maxTokens": 2, "temperature": 0.5}
    )
    assert reply["output"]["message"]["content"] == [{"text": "Hello th"}]
    assert reply["stopReason"] == "max_tokens"
    assert reply["usage"] == {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}
    assert reply["ResponseMetadata"]["RequestId"].startswith("mock-")


def test_converse_stream(mock_server: MockServer) -> None:
    client = aws_client(mock_server, "bedrock-runtime")
    text = "A text of several pieces — with a dash."
    messages = [{"role": "user", "content": [{"text": text}]}]
    events = list(client.converse_stream(modelId="echo", messages=messages)["stream"])
    deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(deltas) == text
    assert next(e["messageStop"] for e in events if "messageStop" in e)["stopReason"] == "end_turn"
    assert events[-1]["metadata"]["usage"]["outputTokens"] == math.ceil(len(text) / 4)


def test_model_ids_with_colons_and_slashes(mock_server: MockServer) -> None:
    mock_server.control(models=("arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0",))
    client = aws_client(mock_server, "bedrock-runtime")
    name = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0"
    assert client.converse(modelId=name, messages=CONVERSE)["stopReason"] == "end_turn"
    with pytest.raises(ClientError) as caught:
        client.converse(modelId="us.y-v1:0", messages=CONVERSE)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_aws_faults_have_their_names(mock_server: MockServer) -> None:
    client = aws_client(mock_server, "bedrock-runtime")
    for option, value, code in (
        ("p_429", 1, "ThrottlingException"),
        ("p_500", 1, "InternalServerException"),
        ("unsupported", ("maxTokens",), "ValidationException"),
        ("api_key", "right", "AccessDeniedException"),
    ):
        before = mock_server.control().model_dump()[option]
        mock_server.control(**{option: value})
        with pytest.raises(ClientError) as caught:
            client.converse(modelId="e", messages=CONVERSE, inferenceConfig={"maxTokens": 1})
        assert caught.value.response["Error"]["Code"] == code
        mock_server.control(**{option: before})


def test_the_access_key_of_a_signature_is_a_key(mock_server: MockServer) -> None:
    mock_server.control(api_key="AKIARIGHT")
    client = aws_client(mock_server, "bedrock-runtime", "AKIARIGHT")
    assert client.converse(modelId="echo", messages=CONVERSE)["stopReason"] == "end_turn"


def test_sagemaker_takes_both_formats(mock_server: MockServer) -> None:
    client = aws_client(mock_server, "sagemaker-runtime")

    def invoke(body: dict[str, Any]) -> Any:
        reply = client.invoke_endpoint(EndpointName="echo", Body=json.dumps(body))
        return json.load(reply["Body"])

    inputs = {"inputs": "Hello there.", "parameters": {"max_new_tokens": 2}}
    assert invoke(inputs) == [{"generated_text": "Hello th"}]
    chat = invoke({"messages": HELLO})
    assert chat["choices"][0]["message"]["content"] == "Hello there."


# --- faults ---------------------------------------------------------------------------------


async def test_each_fault_is_what_a_client_sees_and_what_is_counted(
    mock_server: MockServer,
) -> None:
    for option, outcome, counted in (
        ("p_429", 429, "refused_429"),
        ("p_500", 500, "failed_500"),
        ("p_reset", "ClientOSError", "reset"),
        ("p_truncate", "ClientPayloadError", "truncated"),
        ("p_malformed", 200, "malformed"),
    ):
        mock_server.control(**{option: 1})
        mock_server.reset()
        assert await statuses(mock_server, 4, at_once=2) == [outcome] * 4
        stats = mock_server.stats()
        assert (stats["received"], stats[counted]) == (4, 4)
        assert "answered" not in stats
        mock_server.control(**{option: 0})


async def test_a_reset_is_a_reset(mock_server: MockServer) -> None:
    """An RST, not an orderly end."""
    mock_server.control(p_reset=1)
    host, _, port = mock_server.url.removeprefix("http://").partition(":")
    body = json.dumps({"model": "fixed", "messages": HELLO})
    request = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"

    def call() -> None:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(f"{request}\r\n\r\n{body}".encode())
            connection.recv(1000)

    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(call)


async def test_a_hang_ends_with_its_client(mock_server: MockServer) -> None:
    mock_server.control(p_hang=1)
    body = {"model": "fixed", "messages": HELLO}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as session:
        with pytest.raises(TimeoutError):
            await session.post(f"{mock_server.url}/v1/chat/completions", json=body)
    async with asyncio.timeout(5):
        while mock_server.stats()["in_flight"]:
            await asyncio.sleep(0.01)
    assert mock_server.stats()["abandoned"] == 1


async def test_chances_are_kept_and_the_seed_repeats_them(mock_server: MockServer) -> None:
    mock_server.control(p_429=0.2, p_500=0.1, seed=3)
    first = await statuses(mock_server, 400, at_once=1)
    assert 50 <= first.count(429) <= 110
    assert 15 <= first.count(500) <= 55
    mock_server.reset()
    assert await statuses(mock_server, 400, at_once=1) == first


async def test_latency_and_jitter(mock_server: MockServer) -> None:
    mock_server.control(latency_ms=40, jitter_ms=20)
    started = time.monotonic()
    assert await statuses(mock_server, 10, at_once=1) == [200] * 10
    assert 0.2 <= time.monotonic() - started < 5


async def test_the_rate_is_held_and_retry_after_told(mock_server: MockServer) -> None:
    mock_server.control(requests_per_second=50, burst=5)
    started = time.monotonic()
    outcomes: list[int | str] = []
    while time.monotonic() - started < 1:
        outcomes += await statuses(mock_server, 20, at_once=4)
    allowed = 5 + 50 * (time.monotonic() - started)
    assert 0.6 * allowed <= outcomes.count(200) <= allowed + 1
    mock_server.control(requests_per_second=0.5, burst=1)
    async with aiohttp.ClientSession() as session:
        for told in (None, "2"):
            body = {"model": "fixed", "messages": HELLO}
            url = f"{mock_server.url}/v1/chat/completions"
            async with session.post(url, json=body) as response:
                assert response.headers.get("Retry-After") == told


async def test_concurrency_above_the_limit_is_refused(mock_server: MockServer) -> None:
    mock_server.control(latency_ms=100, max_concurrency=3)
    outcomes = await statuses(mock_server, 8, at_once=8)
    assert sorted(outcomes, key=str) == [200] * 3 + [429] * 5
    assert mock_server.stats()["peak_in_flight"] == 3


# --- control --------------------------------------------------------------------------------


async def test_prompts_are_counted(mock_server: MockServer) -> None:
    mock_server.control(record="text")
    client = openai_client(mock_server)
    for text in ("a", "b", "b"):
        client.chat.completions.create(model="echo", messages=[{"role": "user", "content": text}])
    mock_server.control(p_500=1)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "a"}])
    stats = mock_server.stats()
    assert stats["answered_prompts"] == {"a": 1, "b": 2}
    assert stats["received_prompts"] == {"a": 2, "b": 2}


def test_control_over_http_in_a_process_of_its_own() -> None:
    with MockProcess(latency_ms=1, record="hash") as server:
        assert server.control(p_500=0.5)["latency_ms"] == 1
        server.control(p_500=0)
        assert asyncio.run(statuses(server, 3, at_once=1)) == [200] * 3
        key = hashlib.sha256(b"Hello there.").hexdigest()[:16]
        assert server.stats()["answered_prompts"] == {key: 3}
        server.reset()
        assert "answered" not in server.stats()
        for wrong in ({"p_500": 2}, {"latncy_ms": 1}, ["x"]):
            with pytest.raises(urllib.error.HTTPError) as caught:
                server._call("/_control", wrong)
            assert caught.value.code == 400
            caught.value.close()
        assert server._call("/_control")["p_500"] == 0


def test_a_taken_port_is_an_error_and_stopping_twice_is_none(mock_server: MockServer) -> None:
    port = int(mock_server.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        MockServer(MockServerOptions(), port=port).start()
    mock_server.stop()
    mock_server.stop()
