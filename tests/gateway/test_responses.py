"""OpenAI's responses with tools, images and formats, and where a stream breaks off."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from gateway.running import RunningGateway
from gateway.test_tools_and_images import CALL, PIXEL, TOOL, Vendor, ours, vendor
from pydantic import BaseModel

from prompt_app.providers.mock_server import MockServer

__all__ = ["ours", "vendor"]

FUNCTION: Any = {"type": "function", "strict": True, **TOOL["function"]}  # type: ignore[dict-item]
PDF = "data:application/pdf;base64,JVBERi0="
SEEN: list[Any] = [
    {"type": "input_text", "text": "What is this?"},
    {"type": "input_image", "image_url": PIXEL, "detail": "low"},
    {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
]
CALLED = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}


def client(gateway: RunningGateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=0)


def test_tools_and_images_reach_the_model(ours: RunningGateway, vendor: Vendor) -> None:
    talk: list[Any] = [
        {"role": "user", "content": SEEN},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        CALLED,
        {**CALLED, "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
        {"type": "function_call_output", "call_id": "c2",
         "output": [{"type": "input_text", "text": "Sun"}]},
    ]  # fmt: skip
    reply = client(ours).responses.create(
        model="openai:m", input=talk, tools=[FUNCTION], instructions="Be brief.",
        tool_choice={"type": "function", "name": "weather"}, parallel_tool_calls=False,
        store=False, metadata={"a": "b"}, truncation="disabled",
    )  # fmt: skip
    asked = vendor.asked[0]
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert asked["messages"][1]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
    ]
    assert [call["id"] for call in asked["messages"][2]["tool_calls"]] == ["c1", "c2"]
    assert [(turn["role"], turn["content"]) for turn in asked["messages"][3:]] == [
        ("tool", "Rain"), ("tool", "Sun"),
    ]  # fmt: skip
    assert asked["tools"] == [
        {"type": "function", "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    ]
    assert asked["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert asked["parallel_tool_calls"] is False
    (called,) = reply.output
    assert called.type == "function_call"
    assert (called.call_id, called.name) == ("c1", "weather")
    assert json.loads(called.arguments) == json.loads(CALL["function"]["arguments"])  # type: ignore[index]
    # What came back can be sent on.
    more = [*talk, called.model_dump(), {**CALLED, "type": "function_call_output", "output": "-"}]
    client(ours).responses.create(model="openai:m", input=more, tools=[FUNCTION])
    assert len(vendor.asked) == 2


def test_calls_of_tools_are_streamed(ours: RunningGateway, vendor: Vendor) -> None:
    model = "bedrock:amazon.nova-pro-v1:0"
    with client(ours).responses.stream(model=model, input="Hello", tools=[FUNCTION]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == "I look."
    called = final.output[1]
    assert called.type == "function_call"
    assert json.loads(called.arguments) == {"city": "Oslo"}
    assert kinds.count("response.function_call_arguments.done") == 1
    assert kinds.count("response.output_item.done") == 2


class Colour(BaseModel):
    name: str


def test_a_format_is_asked_for(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply='{"name": "blue"}')
    reply = client(gateway).responses.parse(
        model="openai:fixed", input="Which colour?", text_format=Colour
    )
    assert reply.output_parsed == Colour(name="blue")


def test_a_schema_reaches_the_model(ours: RunningGateway, vendor: Vendor) -> None:
    schema = {"type": "object", "properties": {}, "required": []}
    wanted: Any = {"type": "json_schema", "name": "colour", "schema": schema, "strict": True}
    client(ours).responses.create(model="openai:m", input="Which?", text={"format": wanted})
    client(ours).responses.create(
        model="openai:m", input="Which?", text={"format": {"type": "json_object"}}
    )
    sent = {"name": "colour", "schema": schema, "strict": True}
    assert [asked["response_format"] for asked in vendor.asked] == [
        {"type": "json_schema", "json_schema": sent}, {"type": "json_object"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"conversation": "conv_1"},
        {"background": True},
        {"truncation": "auto"},
        {"tools": [{"type": "web_search"}]},
        {"tool_choice": {"type": "web_search"}, "tools": [FUNCTION]},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
        {"input": [{"type": "function_call"}]},
        {"input": [{"role": "user"}]},
        {"text": {"format": {"type": "grammar"}}},
        {"max_tool_calls": 3},
    ],
)
def test_what_is_not_done_is_refused(gateway: RunningGateway, given: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client(gateway).responses.create(**{"model": "openai:m", "input": "Hello", **given})
    assert next(iter(given)).split(".")[0] in str(refused.value)


def test_a_stream_that_breaks_off_raises(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(p_truncate=1, reply="One word follows another. " * 5)
    stream = client(gateway).responses.create(model="openai:fixed", input="Hello", stream=True)
    with pytest.raises(openai.APIError, match=r"\w"):
        assert [event.type for event in stream][-1] != "response.completed"
