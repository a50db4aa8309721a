"""Tools and images through the gateway, by either protocol to either provider."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from gateway.running import RunningGateway

from prompt_app.providers.event_stream import event

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
}
USE = {"toolUseId": "c1", "name": "weather", "input": {"city": "Oslo"}}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
COUNTS = {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}


class Vendor(ThreadingHTTPServer):
    """Calls the tool whatever it is asked; ``asked`` are the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[Any] = []


class Answering(BaseHTTPRequestHandler):
    server: Vendor
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        if self.path.endswith("converse"):
            content = [{"text": "I look."}, {"toolUse": USE}]
            message = {"role": "assistant", "content": content}
            answer = {"output": {"message": message}, "stopReason": "tool_use", "usage": COUNTS}
            self._send(json.dumps(answer).encode())
        elif self.path.endswith("converse-stream"):
            start = {"toolUse": {"toolUseId": "c1", "name": "weather"}}
            self._send(
                event("messageStart", {"role": "assistant"})
                + event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "I look."}})
                + event("contentBlockStart", {"contentBlockIndex": 1, "start": start})
                + event("contentBlockDelta", _piece('{"city": '))
                + event("contentBlockDelta", _piece('"Oslo"}'))
                + event("contentBlockStop", {"contentBlockIndex": 1})
                + event("messageStop", {"stopReason": "tool_use"})
                + event("metadata", {"usage": COUNTS})
            )
        else:
            message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            self._send(json.dumps({"model": "m", "choices": [choice], "usage": USAGE}).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _piece(text: str) -> dict[str, Any]:
    return {"contentBlockIndex": 1, "delta": {"toolUse": {"input": text}}}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def ours(tmp_path: Path, vendor: Vendor) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, f"http://127.0.0.1:{vendor.server_port}") as gateway:
        yield gateway


def chat(gateway: RunningGateway, model: str, messages: list[Any], **more: Any) -> Any:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=0)
    return client.chat.completions.create(model=model, messages=messages, **more)


def converse(gateway: RunningGateway, model: str, body: Any) -> tuple[int, Any]:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        f"{gateway.url}/model/{model}/converse", json.dumps(body).encode(),
        {"Authorization": f"Bearer {gateway.token}"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


SEEN = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ],
}
TALK: list[Any] = [
    {"role": "system", "content": "Be brief."},
    SEEN,
    {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
    {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
    {"role": "tool", "tool_call_id": "c2", "content": "Sun"},
]
AS_CONVERSE = [
    {
        "role": "user",
        "content": [
            {"text": "What is this?"},
            {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
        ],
    },
    {"role": "assistant", "content": [{"toolUse": USE}, {"toolUse": {**USE, "toolUseId": "c2"}}]},
    {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": "c1", "content": [{"text": "Rain"}]}},
            {"toolResult": {"toolUseId": "c2", "content": [{"text": "Sun"}]}},
        ],
    },
]
SPEC = {
    "toolSpec": {
        "name": "weather",
        "description": "Tells the weather.",
        "inputSchema": {"json": TOOL["function"]["parameters"]},  # type: ignore[index]
    }
}


def test_chat_completions_to_openai_go_as_they_are(ours: RunningGateway, vendor: Vendor) -> None:
    reply = chat(ours, "openai:m", TALK, tools=[TOOL], tool_choice="auto")
    assert vendor.asked[0]["messages"] == [
        {name: value for name, value in turn.items() if value is not None} for turn in TALK
    ]
    assert (vendor.asked[0]["tools"], vendor.asked[0]["tool_choice"]) == ([TOOL], "auto")
    assert reply.choices[0].finish_reason == "tool_calls"
    assert [call.model_dump() for call in reply.choices[0].message.tool_calls] == [CALL]
    again = chat(ours, "openai:m", TALK, tools=[TOOL], tool_choice="auto")
    assert again.choices[0].message.tool_calls == reply.choices[0].message.tool_calls
    assert len(vendor.asked) == 1, "stored replies keep their tool calls"
    other = [*TALK[:-1], {**TALK[-1], "tool_call_id": "c9"}]
    chat(ours, "openai:m", other, tools=[TOOL], tool_choice="auto")
    assert len(vendor.asked) == 2, "what is not text counts too"


def test_chat_completions_to_bedrock_are_translated(ours: RunningGateway, vendor: Vendor) -> None:
    model = "bedrock:amazon.nova-pro-v1:0"
    reply = chat(ours, model, TALK, tools=[TOOL], tool_choice="required")
    asked = vendor.asked[0]
    assert asked["messages"] == AS_CONVERSE
    assert asked["system"] == [{"text": "Be brief."}]
    assert asked["toolConfig"] == {"tools": [SPEC], "toolChoice": {"any": {}}}
    assert "additionalModelRequestFields" not in asked
    assert reply.choices[0].message.content == "I look."
    assert [call.model_dump() for call in reply.choices[0].message.tool_calls] == [CALL]
    stream = chat(ours, model, TALK, tools=[TOOL], seed=None, stream=True)
    deltas = [choice.delta for chunk in stream for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "I look."
    (called,) = [call for delta in deltas for call in delta.tool_calls or ()]
    assert called.function.name == "weather"
    assert json.loads(called.function.arguments) == {"city": "Oslo"}
    far = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with pytest.raises(openai.BadRequestError, match="data:image"):
        chat(ours, model, [{"role": "user", "content": [far]}])


@pytest.mark.parametrize("model", ["openai:m", "amazon.nova-pro-v1:0"])
def test_converse_to_either(ours: RunningGateway, vendor: Vendor, model: str) -> None:
    body = {
        "messages": AS_CONVERSE,
        "system": [{"text": "Be brief."}],
        "toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}},
    }
    status, answer = converse(ours, model, body)
    assert status == 200, answer
    assert answer["stopReason"] == "tool_use"
    assert answer["output"]["message"]["content"][-1] == {"toolUse": USE}
    asked = vendor.asked[0]
    if model == "openai:m":
        assert asked["messages"][1] == SEEN
        assert [turn["role"] for turn in asked["messages"]][2:] == ["assistant", "tool", "tool"]
        chosen = {"type": "function", "function": {"name": "weather"}}
        assert (asked["tools"], asked["tool_choice"]) == ([TOOL], chosen)
    else:
        assert asked["messages"] == AS_CONVERSE
        assert asked["toolConfig"] == body["toolConfig"]


SHAPE = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize("model", ["openai:m", "amazon.nova-pro-v1:0"])
def test_a_schema_by_either_protocol_to_either(
    ours: RunningGateway, vendor: Vendor, model: str
) -> None:
    named = {"name": "place", "description": "A place."}
    told = {**named, "schema": json.dumps(SHAPE)}
    by_converse = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": told}}}
    by_openai: Any = {"type": "json_schema", "json_schema": {**named, "schema": SHAPE}}
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    status, answer = converse(ours, model, {**body, "outputConfig": by_converse})
    assert status == 200, answer
    ask = [{"role": "user", "content": "Hello"}]
    chat(ours, model, ask, response_format=by_openai)
    for asked in vendor.asked:
        if model == "openai:m":
            assert asked["response_format"] == by_openai
        else:
            assert asked["outputConfig"] == by_converse
            assert "additionalModelRequestFields" not in asked
    assert len(vendor.asked) == 2
    for wrong in ({"textFormat": {}}, {"effort": "low"}, {"textFormat": by_openai}):
        assert converse(ours, model, {**body, "outputConfig": wrong})[0] == 400, wrong
    if model != "openai:m":
        with pytest.raises(openai.BadRequestError, match="json_schema"):
            chat(ours, model, ask, response_format={"type": "json_object"})


def test_models_that_cannot_refuse_in_words(ours: RunningGateway) -> None:
    ask = [{"role": "user", "content": "Hello"}]
    for model in ("offline:echo", "sagemaker:echo"):
        with pytest.raises(openai.BadRequestError, match="neither images, files nor tools"):
            chat(ours, model, ask, tools=[TOOL])
        with pytest.raises(openai.BadRequestError, match="neither images, files nor tools"):
            chat(ours, model, [SEEN])
    ours.workbench.pipelines.save("shout", "upper(word)")
    with pytest.raises(openai.BadRequestError, match="neither images, files nor tools"):
        chat(ours, "pipeline/shout", [SEEN])
    for wrong in (
        {"guardrailConfig": {"guardrailIdentifier": "g"}},
        {"toolConfig": {"tools": [{"toolSpec": {}}]}},
        {"messages": [{"role": "user", "content": [{"video": {}}]}]},
    ):
        body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], **wrong}
        status, told = converse(ours, "openai:m", body)
        assert status == 400, told


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "user", "content": [{"type": "image_url", "image_url": "nope"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": [1]}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": "f"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": 1}]},
    ],
)
def test_images_and_calls_that_are_none_are_the_callers_mistake(
    ours: RunningGateway, turn: Any
) -> None:
    with pytest.raises(openai.BadRequestError):
        chat(ours, "bedrock:amazon.nova-lite-v1:0", [turn])


PDF = "JVBERi0="


@pytest.mark.parametrize("model", ["openai:m", "amazon.nova-pro-v1:0"])
def test_documents_by_converse_to_either(ours: RunningGateway, vendor: Vendor, model: str) -> None:
    given = [
        {"text": "Sum it up."},
        {"document": {"format": "pdf", "name": "report 1", "source": {"bytes": PDF}}},
        {"document": {"format": "txt", "name": "notes", "source": {"text": "Hi"}}},
    ]
    status, answer = converse(ours, model, {"messages": [{"role": "user", "content": given}]})
    assert status == 200, answer
    content = vendor.asked[0]["messages"][0]["content"]
    if model == "openai:m":
        assert content[1]["file"] == {
            "filename": "report 1.pdf", "file_data": f"data:application/pdf;base64,{PDF}"
        }  # fmt: skip
        assert content[2]["file"]["file_data"] == "data:text/plain;base64,SGk="
    else:
        assert content[1] == given[1]
        text = {"format": "txt", "name": "notes", "source": {"bytes": "SGk="}}
        assert content[2] == {"document": text}


def test_a_file_of_a_chat_is_a_document_of_bedrock(ours: RunningGateway, vendor: Vendor) -> None:
    model = "bedrock:amazon.nova-pro-v1:0"
    file = {"filename": "my_report.v2.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    chat(ours, model, [{"role": "user", "content": [{"type": "file", "file": file}]}])
    (block,) = vendor.asked[0]["messages"][0]["content"]
    assert block["document"]["name"] == "my-report-v2"
    for wrong in ({"file_id": "f1"}, {"filename": "a.exe", "file_data": "data:x;base64,AA=="}):
        with pytest.raises(openai.BadRequestError, match="file"):
            chat(ours, model, [{"role": "user", "content": [{"type": "file", "file": wrong}]}])


@pytest.mark.parametrize("image", ["nope", {"url": 5}, {}, None])
def test_an_image_without_an_address_is_the_clients_mistake(
    ours: RunningGateway, image: Any
) -> None:
    part = {"type": "image_url", "image_url": image}
    with pytest.raises(openai.BadRequestError, match="url"):
        chat(ours, "bedrock:amazon.nova-pro-v1:0", [{"role": "user", "content": [part]}])


def test_converse_refuses_what_it_does_not_do(ours: RunningGateway) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    format_ = {"outputConfig": {"textFormat": {"type": "json_schema"}}}
    status, told = converse(ours, "openai:m", {**body, **format_})
    assert (status, "outputConfig" in told["message"]) == (400, True)
    assert converse(ours, "openai:m", {**body, "requestMetadata": {"a": "b"}})[0] == 200
