"""No body is answered by an error of the gateway's own, whatever stands in the place of a value."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from gateway.running import RunningGateway
from gateway.test_native import call

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import Assistant
from prompt_app.gateway.routes import ADDRESSES

ODD: tuple[Any, ...] = (None, 5, 10**30, "x\x00", [1], {"x": 1})
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PIXEL]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "stop": ["a"],
    "max_tokens": 5,
    "n": 1,
    "stream_options": {"include_usage": True},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
}
USE = {"toolUseId": "c1", "name": "f", "input": {"a": 1}}
CONVERSE = {
    "system": [{"text": "Be brief."}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "What is this?"},
                {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
                {"document": {"format": "txt", "name": "a", "source": {"bytes": "aGk="}}},
            ],
        },
        {"role": "assistant", "content": [{"toolUse": USE}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "c1", "content": [{"json": {}}]}}],
        },
    ],
    "inferenceConfig": {"maxTokens": 5, "temperature": 0.5, "topP": 0.5, "stopSequences": ["a"]},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}],
        "toolChoice": {"tool": {"name": "f"}},
    },
    "outputConfig": {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}
    },
    "promptVariables": {"word": {"text": "x"}},
}
RESPONSES = {
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"},
                                     {"type": "input_image", "image_url": PIXEL["image_url"]}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
    ],
    "tools": [{"type": "function", **FUNCTION}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
    "reasoning": {"effort": "low"},
}  # fmt: skip


def bodies() -> Iterator[tuple[str, Any]]:
    """An address, and a body that is as it should be or nearly so."""
    for address in ADDRESSES:
        if address.method == "POST" and "{name" not in address.paths[0]:
            path = address.paths[0].replace("{endpoint:path}", "v1/chat/completions/")
            yield path, address.example
    yield "/api/openai/v1/edits/", {"model": "offline:echo", "instruction": "a", "input": "b"}
    yield "/api/openai/v1/completions/", {"model": "offline:echo", "prompt": "a"}
    yield "/api/openai/v1/embeddings/", {"model": "offline:hashing", "input": ["a"]}
    for model in ("openai:fixed", "bedrock:amazon.nova-lite-v1:0"):
        streams = {"stream": model.startswith("openai")}
        yield "/v1/chat/completions", {"model": model, **streams, **CHAT}
        yield "/v1/responses", {"model": model, **streams, **RESPONSES}
        yield f"/model/{model}/converse{'-stream' if streams['stream'] else ''}", CONVERSE
    for model in ("prompt/say", "pipeline/shout", "assistant/guide", "sagemaker:fixed"):
        named = {"model": model, "prompt_model": "offline:echo", "variables": {"word": "a"}}
        yield "/v1/chat/completions", {**named, "messages": [{"role": "user", "content": "a"}]}


def spoiled(value: Any) -> Iterator[Any]:
    """``value`` with one value of it replaced, at every place."""
    yield from (odd for odd in ODD if odd != value)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {key: item for key, item in value.items() if key != name}
            yield from ({**value, name: odd} for odd in spoiled(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], odd, *value[index + 1 :]] for odd in spoiled(inner))


async def test_no_value_makes_a_server_error(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # what is refused upstream is told a thousand times
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    workbench.pipelines.save("shout", "upper(word)")
    workbench.serving_names.save_assistant(
        Assistant(name="guide", context="Guide.", questions=("What?",), models=("offline:echo",))
    )
    failed: list[str] = []
    tried = 0
    limit = asyncio.Semaphore(16)

    async def one(session: aiohttp.ClientSession, path: str, body: Any) -> None:
        async with limit, session.post(gateway.url + path, data=json.dumps(body)) as response:
            if response.status in (500, 501):
                failed.append(f"{path} {json.dumps(body)[:2000]}")
            await response.read()

    headers = {"Authorization": f"Bearer {gateway.token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        for path, body in bodies():
            for each in spoiled(body):
                tried += 1
                group.create_task(one(session, path, each))
    assert not failed, (len(failed), tried, failed[:5])
    assert tried > 1000


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/v1/chat/completions", {"model": "offline:echo", "n": 0}, "n"),
        ("/v1/responses", {"model": "offline:echo", "max_output_tokens": 0}, "max_output_tokens"),
        ("/model/offline:echo/converse", {"inferenceConfig": {"topP": 2}}, "topP"),
    ],
)
async def test_a_wrong_parameter_has_the_name_that_the_protocol_gives_it(
    gateway: RunningGateway, path: str, body: Any, place: str
) -> None:
    status, told = await call(gateway, "POST", path, json=body)
    told = told.get("error", told)
    assert (status, told["message"].partition(":")[0]) == (400, place)


async def test_a_value_of_several_types_is_named_as_it_was_written(
    gateway: RunningGateway,
) -> None:
    part, turns = {"type": "text", "text": 1}, {"role": "user", "content": [{"text": "a"}]}
    several = "Input should be a valid string or a valid array"
    for path, body, place, expected in (
        ("chat/completions", {"stop": 5}, "stop", several),
        ("chat/completions", {"stop": ["a", 5]}, "stop.1", "Input should be a valid string"),
        (
            "chat/completions",
            {"messages": [{"role": "user", "content": [part]}]},
            "messages.0.content.0.text",
            "Input should be a valid string",
        ),
        ("chat/completions", {"messages": [turns]}, "messages.0.content.0.type", "Field required"),
        ("responses", {"input": ["a", 5]}, "input.0", "Input should be an object"),
        ("responses", {"input": 5}, "input", several),
    ):
        given = {"model": "offline:echo", **body}
        status, told = await call(gateway, "POST", f"/v1/{path}", json=given)
        assert (status, told["error"]["param"]) == (400, place)
        assert told["error"]["message"] == f"{place}: {expected}"
    _, told = await call(gateway, "POST", "/api/pipeline/call/", json={"pipeline_id": [14]})
    assert told["error"] == "pipeline_id: Input should be a valid integer or a valid string"
