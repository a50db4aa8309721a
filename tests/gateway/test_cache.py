"""Stored replies, as callers see them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from engine.runs import echo_spec, only_run, rows_file, worker_process
from gateway.running import RunningGateway

from prompt_app.providers.mock_server import MockServer

LONG = "One word follows another until the whole sentence has been said."


def chat(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"model": "openai:echo", "messages": [{"role": "user", "content": text}], **more}


async def post(
    gateway: RunningGateway, body: dict[str, Any], cache_control: str = ""
) -> tuple[str, Any]:
    headers = {"Authorization": f"Bearer {gateway.token}"}
    if cache_control:
        headers["Cache-Control"] = cache_control
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers) as response,
    ):
        assert response.status == 200
        return await response.text(), response.headers


async def test_an_equal_call_is_answered_again_for_nothing(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    first, headers = await post(gateway, chat())
    assert headers["x-cache-hit"] == "false"
    assert "age" not in headers
    second, headers = await post(gateway, chat())
    assert (headers["x-cache-hit"], headers["age"]) == ("true", "0")
    assert first.split('"choices"')[1] == second.split('"choices"')[1]
    for other in (chat("Bye"), chat(temperature=0.5), chat(seed=1), chat(n=2)):
        assert (await post(gateway, other))[1]["x-cache-hit"] == "false"
    assert mock_server.stats()["received"] == 5
    cached = [record for record in await asyncio.to_thread(gateway.usage, 6) if record.cached]
    assert [(record.cost_usd, record.input_tokens) for record in cached] == [(0.0, 0)]


async def test_a_call_can_refuse_stored_replies(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    await post(gateway, chat(), "no-store")
    assert (await post(gateway, chat()))[1]["x-cache-hit"] == "false", "nothing was stored"
    for directive in ("no-cache", "no-store", "max-age=0"):
        assert (await post(gateway, chat(), directive))[1]["x-cache-hit"] == "false", directive
    assert (await post(gateway, chat(), "max-age=60"))[1]["x-cache-hit"] == "true"
    assert mock_server.stats()["received"] == 5


async def test_a_streamed_reply_is_stored_and_streamed_again(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply=LONG)
    body = chat(stream=True) | {"model": "openai:fixed"}
    await post(gateway, body)
    again, headers = await post(gateway, body)
    assert headers["x-cache-hit"] == "true"
    assert LONG in again
    assert again.endswith("data: [DONE]\n\n")
    plain, headers = await post(gateway, {**body, "stream": False})
    assert headers["x-cache-hit"] == "true"
    assert LONG in plain
    assert mock_server.stats()["received"] == 1


async def test_equal_calls_at_the_same_time_make_one(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=300, reply=LONG)
    body = chat() | {"model": "openai:fixed"}
    calls = [post(gateway, {**body, "stream": number % 2 == 0}) for number in range(40)]
    answers = await asyncio.gather(*calls)
    assert all(LONG in text or text.endswith("data: [DONE]\n\n") for text, _ in answers)
    assert mock_server.stats()["received"] == 1
    records = await asyncio.to_thread(gateway.usage, 40)
    assert sum(not record.cached for record in records) == 1


def test_replies_of_evaluations_and_of_other_processes_are_found(
    gateway: RunningGateway, mock_server: MockServer, tmp_path: Path
) -> None:
    spec = echo_spec(rows_file(tmp_path, 2), mock_server.url)
    only_run(gateway.workbench, spec)
    assert worker_process(tmp_path / "data").wait(60) == 0
    assert mock_server.stats()["received"] == 2
    for number in range(2):
        text, headers = asyncio.run(post(gateway, chat(f"row {number}")))
        assert (headers["x-cache-hit"], f'"row {number}"' in text) == ("true", True)
    assert mock_server.stats()["received"] == 2


def test_replies_of_an_earlier_gateway_are_found(tmp_path: Path, mock_server: MockServer) -> None:
    for wanted in ("false", "true"):
        with RunningGateway(tmp_path, mock_server.url) as gateway:
            assert asyncio.run(post(gateway, chat()))[1]["x-cache-hit"] == wanted
            gateway.usage()
    assert mock_server.stats()["received"] == 1


async def test_a_stored_reply_can_be_too_old(
    tmp_path: Path, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with RunningGateway(tmp_path, mock_server.url, gateway_cache_seconds=3600) as gateway:
        assert (await post(gateway, chat()))[1]["x-cache-hit"] == "false"
        monkeypatch.setattr("prompt_app.workbench.serving.cache.time.time", lambda: now + 600)
        _, headers = await post(gateway, chat(), "max-age=700")
        assert (headers["x-cache-hit"], int(headers["age"]) // 10) == ("true", 59)
        assert (await post(gateway, chat()))[1]["x-cache-hit"] == "true"
        assert (await post(gateway, chat(), "max-age=500"))[1]["x-cache-hit"] == "false"
        # That call's reply is the newest now.
        assert (await post(gateway, chat(), "max-age=500"))[1]["x-cache-hit"] == "true"
        monkeypatch.setattr("prompt_app.workbench.serving.cache.time.time", lambda: now + 9000)
        assert (await post(gateway, chat(), "max-age=100000"))[1]["x-cache-hit"] == "false"


async def test_stored_replies_can_be_turned_off(tmp_path: Path, mock_server: MockServer) -> None:
    with RunningGateway(tmp_path, mock_server.url, gateway_cache_seconds=0) as gateway:
        for _ in range(2):
            assert (await post(gateway, chat(), "max-age=60"))[1]["x-cache-hit"] == "false"
    assert mock_server.stats()["received"] == 2


async def test_a_failed_call_is_not_stored(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(models=["other"])
    headers = {"Authorization": f"Bearer {gateway.token}"}
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(
                f"{gateway.url}/v1/chat/completions", json=chat(), headers=headers
            ) as response:
                assert response.status == 404
    assert mock_server.stats()["received"] == 2


async def test_one_who_leaves_does_not_end_the_call_of_another(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=50, reply=LONG, piece_ms=40)
    body = chat(stream=True) | {"model": "openai:fixed"}
    staying = asyncio.create_task(post(gateway, body))
    leaving = asyncio.create_task(post(gateway, body))
    while mock_server.stats().get("admitted", 0) == 0:
        await asyncio.sleep(0.01)
    leaving.cancel()
    text, _ = await staying
    assert text.endswith("data: [DONE]\n\n")
    assert mock_server.stats().get("abandoned", 0) == 0
    assert mock_server.stats()["received"] == 1
