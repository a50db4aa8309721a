"""The probabilities of a reply's tokens come back to who asked for them."""

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

TOKENS = [
    {"token": token, "logprob": -0.1 * number, "bytes": list(token.encode()), "top_logprobs": []}
    for number, token in enumerate(("Hel", "lo"))
]
ASK: Any = {"model": "openai:m", "messages": [{"role": "user", "content": "Hi"}], "logprobs": True}


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        head = {"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
        shown = TOKENS if asked.get("logprobs") else None
        if asked.get("stream"):
            events = [
                {"delta": {"content": each["token"]}, "logprobs": shown and {"content": [each]}}
                for each in TOKENS
            ]
            events.append({"delta": {}, "finish_reason": "stop"})
            lines = [json.dumps({**head, "choices": [{"index": 0, **each}]}) for each in events]
            body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
        else:
            message = {"role": "assistant", "content": "Hello"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            choice["logprobs"] = shown and {"content": shown, "refusal": None}
            body = json.dumps({**head, "choices": [choice]})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[openai.OpenAI]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with RunningGateway(tmp_path, f"http://127.0.0.1:{server.server_port}") as gateway:
            yield openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, max_retries=0)
        server.shutdown()


def tokens(logprobs: Any) -> list[tuple[str, float]]:
    return [(each.token, each.logprob) for each in logprobs.content]


def test_a_whole_reply_and_a_stored_one_have_them(ours: openai.OpenAI) -> None:
    for hit in ("false", "true"):
        raw = ours.chat.completions.with_raw_response.create(**ASK)
        assert raw.headers["x-cache-hit"] == hit
        assert tokens(raw.parse().choices[0].logprobs) == [("Hel", -0.0), ("lo", -0.1)]
    plain = ours.chat.completions.create(**{**ASK, "logprobs": False})
    assert plain.choices[0].logprobs is None


def test_a_streamed_reply_has_them(ours: openai.OpenAI) -> None:
    with ours.chat.completions.stream(**ASK) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "Hello"
    assert tokens(final.choices[0].logprobs) == [("Hel", -0.0), ("lo", -0.1)]
