"""What a caller says goes to the provider that they mean, or nowhere."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from gateway.running import RunningGateway
from gateway.test_native import call

from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget
from prompt_app.providers.mock_server import MockServer

TURN = [{"role": "user", "content": [{"text": "Hi"}]}]
ASK = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("new-vendor.model-v1:0", "bedrock:new-vendor.model-v1:0"),
        ("gpt-5-mini", "bedrock:gpt-5-mini"),
        ("abcdefghij12", "bedrock:abcdefghij12"),
        ("arn:aws:sagemaker:us-east-1:111122223333:endpoint/e",
         "bedrock:arn:aws:sagemaker:us-east-1:111122223333:endpoint/e"),
        ("bedrock.amazon.nova-lite-v1:0", "bedrock:amazon.nova-lite-v1:0"),
        ("openai:echo", "openai:echo"),
        ("offline:echo", "offline:echo"),
        ("mine", "openai:echo"),
    ],
)  # fmt: skip
async def test_a_bare_name_on_bedrocks_addresses_is_bedrocks(
    gateway: RunningGateway, name: str, target: str
) -> None:
    route = ModelRoute(name="mine", targets=(RouteTarget(model="openai:echo"),))
    gateway.workbench.serving_names.save_alias(route)
    path = f"/model/{quote(name, safe='')}/converse"
    status, told = await call(gateway, "POST", path, json={"messages": TURN})
    assert status == 200, told
    (record,) = await asyncio.to_thread(gateway.usage, 1)
    assert record.target == target


async def test_what_is_no_model_is_sent_to_none(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    store = gateway.workbench.store
    gateway.workbench.pipelines.save("shout", "upper(word)")
    # As they may stand in a store from before this was refused.
    for name in ("pipeline/shout", "assistant/guide", "prompt/ask"):
        wanted = RouteTarget(model="prompt/say", prompt_model=name)
        store.save_route(ModelRoute(name="odd", targets=(wanted,)))
        store.save_assistant(Assistant(name="guide", context="Guide.", models=(name,)))
        for model in ("odd", "assistant/guide"):
            body: Any = {"model": model, "messages": ASK}
            status, _ = await call(gateway, "POST", "/v1/chat/completions", json=body)
            assert status in (400, 404), (name, model)
    store.save_route(ModelRoute(name="odd", targets=(RouteTarget(model="pipeline/shout"),)))
    status, told = await call(
        gateway, "POST", "/v1/chat/completions", json={"model": "odd", "messages": ASK}
    )
    assert (status, "pipeline/shout" in told["error"]["message"]) == (400, True)
    for path in ("/v1/embeddings", "/api/openai/v1/embeddings/"):
        status, _ = await call(
            gateway, "POST", path, json={"model": "pipeline/shout", "input": "a"}
        )
        assert status == 400, path
    assert mock_server.stats().get("received", 0) == 0


@pytest.mark.parametrize(
    "given", [{"temperature": 0.5}, {"max_tokens": 5}, {"stop": ["a"]}, {"logprobs": True}]
)
async def test_a_pipeline_takes_no_parameters_of_a_model(
    gateway: RunningGateway, given: dict[str, Any]
) -> None:
    gateway.workbench.pipelines.save("shout", "upper(word)")
    body = {"model": "pipeline/shout", "messages": ASK, **given}
    status, told = await call(gateway, "POST", "/v1/chat/completions", json=body)
    assert status == 400
    assert next(iter(given)) in told["error"]["message"]
