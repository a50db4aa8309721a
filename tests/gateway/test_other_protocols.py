"""Responses, embeddings and Bedrock's Converse, by the vendors' own clients."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import openai
import pytest
from botocore.config import Config
from gateway.running import RunningGateway

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import Scope
from prompt_app.providers.mock_server import MockServer

LONG = "One word follows another until the whole sentence has been said."


def client(gateway: RunningGateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of 127.0.0.1: AWS's clients send a bearer token over https alone."""
    folder = tmp_path_factory.mktemp("tls")
    made = (folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", made[0], "-keyout", made[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture
def secure(
    tmp_path: Path,
    mock_server: MockServer,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningGateway]:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    with RunningGateway(tmp_path, mock_server.url, certificate=certificate) as running:
        yield running


def bedrock(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, token: str = "") -> Any:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", token or gateway.token)
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=gateway.url,
        config=Config(retries={"total_max_attempts": 1}),
    )


def turn(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def test_responses_whole(gateway: RunningGateway) -> None:
    reply = client(gateway).responses.create(
        model="openai:echo", input="Hello", instructions="Be brief.", max_output_tokens=20
    )
    assert (reply.output_text, reply.status) == ("Hello", "completed")
    assert reply.usage is not None
    assert reply.usage.input_tokens > 0
    cut = client(gateway).responses.create(
        model="offline:echo", input="A long text to echo", max_output_tokens=1
    )
    assert cut.status == "incomplete"
    with pytest.raises(openai.BadRequestError, match="input"):
        client(gateway).responses.create(
            model="offline:echo", input="Hello", previous_response_id="resp_1"
        )


def test_responses_streamed(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply=LONG)
    with client(gateway).responses.stream(model="openai:fixed", input="Hello") as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(texts) == final.output_text == LONG
    assert len(texts) > 3


def test_embeddings_as_numbers_and_packed(gateway: RunningGateway, mock_server: MockServer) -> None:
    ours = client(gateway)
    packed = ours.embeddings.create(model="openai:text-embedding", input=["one", "two"])
    plain = ours.embeddings.create(
        model="openai:text-embedding", input=["one", "two"], encoding_format="float"
    )
    assert [len(item.embedding) for item in packed.data] == [256, 256]
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding)
    assert packed.usage.prompt_tokens > 0
    assert mock_server.stats()["received"] == 1, "the second came from the store"
    short = ours.embeddings.create(model="offline:hashing", input="one", dimensions=16)
    assert len(short.data[0].embedding) == 16
    with pytest.raises(openai.BadRequestError, match="embed"):
        ours.embeddings.create(model="offline:echo", input="one")
    assert gateway.usage(3)[-1].route == "embeddings"


def test_converse(secure: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = bedrock(secure, monkeypatch).converse(
        modelId="amazon.nova-echo-v1:0",
        messages=turn("Hello"),
        system=[{"text": "Be brief."}],
        inferenceConfig={"maxTokens": 50, "temperature": 0.5, "stopSequences": ["!"]},
    )
    assert answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["inputTokens"] > 0
    (record,) = secure.usage()
    assert (record.route, record.target) == ("converse", "bedrock:amazon.nova-echo-v1:0")


def test_converse_stream(
    secure: RunningGateway, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock_server.control(reply=LONG)
    answer = bedrock(secure, monkeypatch).converse_stream(
        modelId="openai:fixed", messages=turn("Hello")
    )
    events = list(answer["stream"])
    texts = [
        event["contentBlockDelta"]["delta"]["text"]
        for event in events
        if "contentBlockDelta" in event
    ]
    assert "".join(texts) == LONG
    assert len(texts) > 3
    assert {"messageStop": {"stopReason": "end_turn"}} in events
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0


def test_a_saved_prompt_by_converse(
    secure: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.workbench.save_prompt("greet", PromptTemplate.model_validate("Hello {name}"))
    from prompt_app.datamodel.serving import ModelRoute, RouteTarget

    target = RouteTarget(model="prompt/greet", prompt_model="offline:echo")
    secure.workbench.store.save_route(ModelRoute(name="greeter", targets=(target,)))
    answer = bedrock(secure, monkeypatch).converse(
        modelId="greeter", promptVariables={"name": {"text": "Ada"}}
    )
    assert answer["output"]["message"]["content"][0]["text"] == "Hello Ada"


def test_errors_are_those_that_boto3_knows(
    secure: RunningGateway, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code(model: str, token: str = "", **more: Any) -> str:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            bedrock(secure, monkeypatch, token).converse(
                modelId=model, messages=turn("Hello"), **more
            )
        return str(caught.value.response["Error"]["Code"])

    reader = secure.workbench.access_tokens.create("reader", scopes=[Scope.READ]).secret
    assert code("offline:echo", "sk-prompt-0-wrong") == "UnrecognizedClientException"
    assert code("offline:echo", reader) == "AccessDeniedException"
    assert code("offline:ecko") == "ResourceNotFoundException"
    assert code("offline:echo", inferenceConfig={"topP": 0.5}) == "ValidationException"
    mock_server.control(models=["other"])
    assert code("openai:echo") == "ResourceNotFoundException"


def curl(gateway: RunningGateway, path: str, body: str, *more: str) -> str:
    done = subprocess.run(
        ["curl", "-sS", "--fail-with-body", gateway.url + path, "-d", body,
         "-H", f"Authorization: Bearer {gateway.token}", *more],
        check=True, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply=LONG)
    said = '"messages": [{"role": "user", "content": "Hello"}]'
    whole = json.loads(
        curl(gateway, "/v1/chat/completions", f'{{"model": "openai:fixed", {said}}}')
    )
    assert whole["choices"][0]["message"]["content"] == LONG
    streamed = f'{{"model": "openai:fixed", "stream": true, {said}}}'
    lines = curl(gateway, "/v1/chat/completions", streamed, "-N").splitlines()
    assert lines[-2] == "data: [DONE]"
    pieces = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert (
        "".join(
            choice["delta"].get("content", "") for piece in pieces for choice in piece["choices"]
        )
        == LONG
    )
    turns = '{"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}'
    answer = json.loads(curl(gateway, "/model/openai:fixed/converse", turns))
    assert answer["output"]["message"]["content"] == [{"text": LONG}]
