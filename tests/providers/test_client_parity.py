"""Beside the vendors' own clients, on the same servers: the same requests, the same reading."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import boto3
import pytest
from botocore.config import Config
from openai import AsyncOpenAI
from pydantic import SecretStr
from recorder import recording

from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.providers import connect
from prompt_app.providers.mock_server import MockServer
from prompt_app.settings import Settings

SYSTEM, USER = "Be brief. «é»", "What is 2+2? 日本語 \U0001f600"
MODEL_ID = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE_ARN = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MODEL_ID}"
PARAMETERS: dict[str, Any] = {"temperature": 0.25, "max_tokens": 40, "stop": ["END"]}
CONVERSE_REPLY = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                {"text": "4"},
            ],
        }
    },
    "stopReason": "max_tokens",
    "usage": {
        "inputTokens": 10,
        "outputTokens": 3,
        "totalTokens": 13,
        "cacheReadInputTokens": 5,
        "cacheWriteInputTokens": 2,
    },
    "metrics": {"latencyMs": 5},
}


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token+with=signs")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)


async def ours(spec: ModelSpec, url: str, **changes: Any) -> Reply:
    settings = Settings(
        _env_file=None,
        openai_api_key=SecretStr("sk-parity"),
        openai_base_url=f"{url}/v1",
        aws_region="us-east-1",
        bedrock_endpoint_url=url,
        sagemaker_endpoint_url=url,
        **changes,
    )
    provider = connect(spec, settings)
    request = GenerationRequest(
        model=spec,
        messages=(Message(role="system", content=SYSTEM), Message(role="user", content=USER)),
        parameters=InferenceParameters.model_validate(PARAMETERS),
    )
    try:
        return await provider.generate(request, 10)
    finally:
        await provider.close()


def boto_client(service: str, url: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.Session().client(service, endpoint_url=url, region_name="us-east-1", config=config)


def boto_converse(url: str, name: str) -> dict[str, Any]:
    result: dict[str, Any] = boto_client("bedrock-runtime", url).converse(
        modelId=name,
        system=[{"text": SYSTEM}],
        messages=[{"role": "user", "content": [{"text": USER}]}],
        inferenceConfig={"temperature": 0.25, "maxTokens": 40, "stopSequences": ["END"]},
    )
    return result


@pytest.mark.parametrize("name", ["echo", "extractive", "fixed"])
async def test_the_openai_client_reads_the_same_reply(name: str, mock_server: MockServer) -> None:
    reply = await ours(ModelSpec(provider="openai", name=name), mock_server.url)
    async with AsyncOpenAI(base_url=f"{mock_server.url}/v1", api_key="sk-parity") as client:
        theirs = await client.chat.completions.create(
            model=name,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}],
            temperature=0.25,
            max_tokens=40,
            stop=["END"],
        )
    assert theirs.usage is not None
    assert reply.text == theirs.choices[0].message.content
    assert reply.outputs[0].finish_reason == theirs.choices[0].finish_reason
    assert (reply.usage.input, reply.usage.output) == (
        theirs.usage.prompt_tokens,
        theirs.usage.completion_tokens,
    )
    assert reply.model == theirs.model


async def test_the_openai_client_sends_the_same_body() -> None:
    async with recording() as server:
        server.answer(
            200,
            {
                "choices": [{"message": {"content": "4"}, "finish_reason": "stop", "index": 0}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            },
        )
        await ours(ModelSpec(provider="openai", name="gpt-x"), server.url)
        async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-parity") as client:
            await client.chat.completions.create(
                model="gpt-x",
                messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}],
                temperature=0.25,
                max_tokens=40,
                stop=["END"],
            )
    mine, theirs = server.requests
    assert (mine.path, mine.json) == (theirs.path, theirs.json)
    assert mine.headers["Authorization"] == theirs.headers["Authorization"]


@pytest.mark.parametrize("name", [MODEL_ID, PROFILE_ARN, "meta.llama3-8b-instruct-v1:0"])
async def test_boto3_sends_the_same_converse_request(name: str) -> None:
    async with recording() as server:
        server.answer(200, CONVERSE_REPLY, x_amzn_RequestId="r-1")
        reply = await ours(ModelSpec(provider="bedrock", name=name), server.url)
        theirs_reply = await asyncio.to_thread(boto_converse, server.url, name)
    mine, theirs = server.requests
    assert (mine.path, mine.json) == (theirs.path, theirs.json)
    assert mine.headers["X-Amz-Security-Token"] == theirs.headers["X-Amz-Security-Token"]
    assert scope(mine.headers["Authorization"]) == scope(theirs.headers["Authorization"])
    texts = [
        part["text"] for part in theirs_reply["output"]["message"]["content"] if "text" in part
    ]
    assert reply.text == "".join(texts) == "4"
    assert reply.outputs[0].finish_reason == "length"
    assert reply.request_id == theirs_reply["ResponseMetadata"]["RequestId"] == "r-1"
    assert (reply.usage.input, reply.usage.cached_input, reply.usage.cache_write) == (17, 5, 2)
    assert reply.usage.output == 3


async def test_the_signature_is_the_one_that_aws_computes() -> None:
    """Recomputed from the request as it arrived, by botocore's own algorithm with the same time."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    async with recording() as server:
        server.answer(200, CONVERSE_REPLY)
        await ours(ModelSpec(provider="bedrock", name=PROFILE_ARN), server.url)
    sent = server.requests[0]
    signed = re.search(r"SignedHeaders=([^,]+)", sent.headers["Authorization"])
    assert signed is not None
    headers = {name: sent.headers[name] for name in signed.group(1).split(";")}
    again = AWSRequest("POST", f"{server.url}{sent.path}", data=sent.body, headers=headers)
    again.context["timestamp"] = sent.headers["X-Amz-Date"]
    signer = SigV4Auth(
        Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        "bedrock",
        "us-east-1",
    )
    canonical = signer.canonical_request(again)
    signature = signer.signature(signer.string_to_sign(again, canonical), again)
    assert sent.headers["Authorization"].endswith(f"Signature={signature}")


async def test_boto3_sends_to_the_same_sagemaker_endpoint(mock_server: MockServer) -> None:
    spec = ModelSpec(provider="sagemaker", name="echo", options={"preset": "inputs"})
    reply = await ours(spec, mock_server.url)
    body = b'{"inputs": "' + f"{SYSTEM}\\n\\n{USER}".encode() + b'", "parameters": '
    body += b'{"temperature": 0.25, "max_new_tokens": 40, "stop": ["END"]}}'
    client = boto_client("sagemaker-runtime", mock_server.url)
    theirs = await asyncio.to_thread(
        client.invoke_endpoint, EndpointName="echo", Body=body, ContentType="application/json"
    )
    import json

    assert reply.text == json.loads(theirs["Body"].read())[0]["generated_text"]


def scope(authorization: str) -> str:
    """Key, day, region and service that a signature is for."""
    found = re.search(r"Credential=(\S+?),", authorization)
    assert found is not None
    return found.group(1)
