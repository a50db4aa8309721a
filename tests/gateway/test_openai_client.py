"""The official openai client, unchanged, against the gateway."""

from __future__ import annotations

import asyncio
import time

import openai
import pytest
from gateway.running import RunningGateway

from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import ModelRoute, RouteTarget
from prompt_app.providers.mock_server import MockServer

LONG = "One word follows another until the whole sentence has been said."
ASK = [{"role": "user", "content": "What colour is the sky?"}]


def client(gateway: RunningGateway, token: str | None = None) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=token or gateway.token, max_retries=0
    )


def test_a_reply_with_its_usage(gateway: RunningGateway, mock_server: MockServer) -> None:
    reply = client(gateway).chat.completions.create(
        model="openai:echo", messages=ASK, temperature=0, max_tokens=50
    )
    assert reply.choices[0].message.content == "What colour is the sky?"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.object == "chat.completion"
    assert reply.usage is not None
    assert mock_server.stats()["input_tokens"] == reply.usage.prompt_tokens

    (record,) = gateway.usage()
    assert (record.route, record.model, record.target) == (
        "chat.completions", "openai:echo", "openai:echo",
    )  # fmt: skip
    assert (record.input_tokens, record.status) == (reply.usage.prompt_tokens, 200)
    assert (record.person, record.cached, record.streamed) == ("local", False, False)
    assert record.latency_ms > 0


def test_a_streamed_reply_comes_in_pieces(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply=LONG, piece_ms=20)
    stream = client(gateway).chat.completions.create(
        model="openai:fixed", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    arrived, texts, usage = [], [], None
    for chunk in stream:
        arrived.append(time.monotonic())
        usage = chunk.usage or usage
        texts += [choice.delta.content or "" for choice in chunk.choices]
    assert "".join(texts) == LONG
    assert usage is not None
    assert usage.completion_tokens > 0
    assert arrived[-1] - arrived[0] > 0.05
    (record,) = gateway.usage()
    assert (record.streamed, record.output_tokens) == (True, usage.completion_tokens)


async def test_the_asynchronous_client(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply=LONG)
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token) as ours:
        whole = await ours.chat.completions.create(model="openai:fixed", messages=ASK)
        async with ours.chat.completions.stream(model="openai:fixed", messages=ASK) as stream:
            texts = [event.delta async for event in stream if event.type == "content.delta"]
    assert whole.choices[0].message.content == "".join(texts) == LONG


def test_models_of_every_kind_answer(gateway: RunningGateway) -> None:
    ours = client(gateway)
    for model in ("offline:echo", "openai:echo", "echo", "bedrock:echo", "sagemaker:echo"):
        reply = ours.chat.completions.create(model=model, messages=ASK)
        assert reply.choices[0].message.content == "What colour is the sky?", model


def test_models_are_listed_with_prompts_and_aliases(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("greet", PromptTemplate.model_validate("Hello {name}"))
    workbench.label_prompt("greet", "production", 1)
    workbench.store.save_route(
        ModelRoute(name="best", targets=(RouteTarget(model="offline:echo"),))
    )
    ours = client(gateway)
    names = {model.id for model in ours.models.list()}
    assert {"offline:echo", "prompt/greet", "prompt/greet@production", "best"} <= names
    assert ours.models.retrieve("prompt/greet@production").id == "prompt/greet@production"
    with pytest.raises(openai.NotFoundError, match="offline:echo"):
        ours.models.retrieve("offline:ecko")


def test_a_saved_prompt_is_a_model(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("greet", PromptTemplate.model_validate("Greet {name}, {age}."))
    workbench.save_prompt("ask", PromptTemplate.model_validate("Answer: {question}"))
    workbench.label_prompt("greet", "production", 1)
    ours = client(gateway)

    def say(model: str, messages: list[dict[str, str]], **extra: object) -> str | None:
        body = {"prompt_model": "offline:echo", **extra}
        reply = ours.chat.completions.create(model=model, messages=messages, extra_body=body)
        return reply.choices[0].message.content

    variables = {"name": "Ada", "age": 36}
    assert say("prompt/greet@production", [], variables=variables) == "Greet Ada, 36."
    assert say("prompt/ask", ASK) == "Answer: What colour is the sky?"
    with pytest.raises(openai.BadRequestError, match="name, age"):
        say("prompt/greet", ASK)
    with pytest.raises(openai.BadRequestError, match="placeholder"):
        say("prompt/greet", [], variables={"name": "Ada"})
    with pytest.raises(openai.NotFoundError, match="greet"):
        say("prompt/great", ASK)
    with pytest.raises(openai.BadRequestError, match="prompt_model"):
        ours.chat.completions.create(model="prompt/ask", messages=ASK)
    record = gateway.usage(1, prompt="greet")[-1]
    assert (record.prompt, record.prompt_version) == ("greet", 1)


def test_errors_are_those_that_the_client_knows(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    ours = client(gateway)

    def ask(model: str = "openai:echo", **more: object) -> None:
        ours.chat.completions.create(model=model, messages=ASK, **more)

    with pytest.raises(openai.AuthenticationError):
        client(gateway, gateway.token + "x").models.list()
    with pytest.raises(openai.NotFoundError, match="echo"):
        ask("offline:ecko")
    with pytest.raises(openai.BadRequestError, match="temperature"):
        ask(temperature=7)
    with pytest.raises(openai.BadRequestError) as refused:
        ask("offline:echo", top_p=0.5)
    assert refused.value.code == "unsupported_parameter"
    fast = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=0)
    gateway.workbench.store.save_route(
        ModelRoute(name="hasty", targets=(RouteTarget(model="openai:echo"),), timeout_seconds=0.5)
    )
    mock_server.control(p_500=1)
    with pytest.raises(openai.APIStatusError) as failed:
        fast.chat.completions.create(model="hasty", messages=ASK, seed=2)
    assert failed.value.status_code == 502
    mock_server.control(p_500=0, p_hang=1)
    with pytest.raises(openai.APIStatusError) as late:
        fast.chat.completions.create(model="hasty", messages=ASK, seed=3)
    assert late.value.status_code == 504
    mock_server.control(p_hang=0, p_429=1, retry_after=9)
    with pytest.raises(openai.RateLimitError) as limited:
        fast.chat.completions.create(model="hasty", messages=ASK, seed=1)
    assert limited.value.response.headers["retry-after"] == "9"
    kinds = {record.error_kind for record in gateway.usage(6)}
    assert {"rate_limited", "server", "deadline_exceeded", "unsupported_parameter"} <= kinds


def test_several_responses(gateway: RunningGateway) -> None:
    ours = client(gateway)
    reply = ours.chat.completions.create(model="openai:echo", messages=ASK, n=3)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    stream = ours.chat.completions.create(
        model="openai:echo", messages=ASK, n=2, seed=1, stream=True
    )
    assert {choice.index for chunk in stream for choice in chunk.choices} == {0, 1}


async def test_a_client_that_leaves_ends_the_call_upstream(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply=LONG * 20, piece_ms=30)
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token) as ours:
        stream = await ours.chat.completions.create(model="openai:fixed", messages=ASK, stream=True)
        await anext(aiter(stream))
        await stream.close()
    async with asyncio.timeout(5):
        while mock_server.stats().get("abandoned", 0) == 0:
            await asyncio.sleep(0.02)
    (record,) = await asyncio.to_thread(gateway.usage)
    assert record.status == 499
    assert record.output_tokens > 0, "what was streamed by then counts"


def test_an_endpoint_is_called_by_its_name(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    tokens, models = gateway.workbench.access_tokens, gateway.workbench.models
    model = ModelSpec(provider="openai", name="echo", base_url=f"{mock_server.url}/v1")
    models.save_endpoint("own", model)
    ours = client(gateway, tokens.create("narrow", models=["endpoint:*"]).secret)
    reply = ours.chat.completions.create(model="endpoint:own", messages=ASK)
    assert reply.choices[0].message.content == "What colour is the sky?"
    assert "endpoint:own" in {each.id for each in ours.models.list()}
    vectors = ours.embeddings.create(model="endpoint:own", input="one")
    assert len(vectors.data[0].embedding) == 256
    with pytest.raises(openai.NotFoundError, match="own"):
        ours.chat.completions.create(model="endpoint:owm", messages=ASK)
    fixed = ModelSpec(provider="openai", name="fixed", base_url=f"{mock_server.url}/v1")
    models.save_endpoint("own", fixed, replace=True)
    end = time.monotonic() + 5
    while ours.chat.completions.create(model="endpoint:own", messages=ASK).model != "fixed":
        assert time.monotonic() < end, "a changed endpoint is called where it is now"
        time.sleep(0.05)
