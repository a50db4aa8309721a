"""A secret that a caller puts in the wrong place goes no further, and is not told back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from gateway.running import RunningGateway

from prompt_app.datamodel.serving import Scope
from prompt_app.providers.mock_server import MockServer

CHAT = {"model": "offline:echo", "messages": [{"role": "user", "content": "Hello"}]}


async def ask(
    gateway: RunningGateway, method: str, path: str, *, known: bool = True, **given: Any
) -> tuple[int, str, Any]:
    headers = {"Authorization": f"Bearer {gateway.token}"} if known else {}
    headers |= given.pop("headers", {})
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, gateway.url + path, allow_redirects=False, **given) as response,
    ):
        return response.status, await response.text("latin-1"), response.headers


@pytest.mark.parametrize("secret", ["", "sk-proj-0123456789abcdef0123", "AKIAABCDEFGHIJKLMNOP"])
async def test_a_secret_in_an_address_or_a_name_is_not_told_back(
    gateway: RunningGateway, mock_server: MockServer, secret: str
) -> None:
    secret = secret or gateway.token
    named = {**CHAT, "model": secret}
    wrong: dict[str, Any] = {"model": "x", "messages": [{"role": secret}]}
    upstream = mock_server.stats().get("received", 0)
    for method, path, given in (
        ("GET", f"/nothing/{secret}", {"known": False}),
        ("GET", f"/nothing/{secret}", {}),
        ("GET", f"/v1/models/{secret}", {}),
        ("GET", f"/api/pipeline/args?pipeline_name={secret}", {}),
        ("GET", f"/get_sample_questions?assistant={secret}", {}),
        ("POST", f"/api/openai/{secret}/", {"json": CHAT}),
        ("POST", f"/model/{secret}/converse", {"json": {"messages": []}}),
        ("POST", "/v1/chat/completions", {"json": wrong}),
        *(("POST", "/v1/chat/completions", {"json": {**named, "model": f"{front}{secret}"}})
          for front in ("", "openai:", "prompt/", "pipeline/", "assistant/", "offline:")),
        ("POST", "/v1/chat/completions", {"json": {**named, "stream": True}}),
        ("POST", "/v1/embeddings", {"json": {"model": secret, "input": "a"}}),
    ):  # fmt: skip
        status, text, headers = await ask(gateway, method, path, **given)
        assert 400 <= status < 500, (path, status, text)
        assert secret not in text + str(headers), path
    assert mock_server.stats().get("received", 0) == upstream, "it is sent to nobody"
    assert secret not in str([record.model for record in await asyncio.to_thread(gateway.usage)])
    admin = gateway.workbench.access_tokens.create("admin", scopes=[Scope.ADMIN]).secret
    _, text, _ = await ask(gateway, "GET", "/metrics", headers={"Authorization": f"Bearer {admin}"})
    assert secret not in text


async def test_what_is_no_name_is_not_sent_to_a_provider(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    for name in ("bedrock:", ":", ":model", "openai:", "a\x00b", "a\nb", "openai:a\nb", " "):
        for path, body in (
            ("/v1/chat/completions", {**CHAT, "model": name}),
            ("/v1/embeddings", {"model": name, "input": "a"}),
        ):
            status, text, _ = await ask(gateway, "POST", path, json=body)
            assert status == 400, (name, text)
    assert mock_server.stats().get("received", 0) == 0


async def test_a_slash_at_the_end_is_no_detour_over_another_host(gateway: RunningGateway) -> None:
    for path in ("/v1/chat/completions/", "/v1/embeddings//", "/assessment/"):
        body = {"model": "offline:hashing", "input": "a"} if "embed" in path else CHAT
        status, text, headers = await ask(
            gateway, "POST", path, json=body, headers={"Host": "evil.example"}
        )
        assert "location" not in headers
        assert status == (400 if path == "/assessment/" else 200), json.loads(text)
