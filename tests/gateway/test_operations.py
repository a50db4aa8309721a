"""How the gateway is watched and described."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import schemathesis
from aiohttp import web
from gateway.running import RunningGateway
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from prompt_app.datamodel.serving import Scope
from prompt_app.gateway.routes import ADDRESSES
from prompt_app.providers.mock_server import MockServer

CHAT = {"model": "openai:fixed", "messages": [{"role": "user", "content": "Hello"}]}


async def get(gateway: RunningGateway, path: str, token: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(gateway.url + path, headers=headers) as response,
    ):
        return response.status, await response.text()


async def post(gateway: RunningGateway, body: Any, path: str = "/v1/chat/completions") -> int:
    headers = {"Authorization": f"Bearer {gateway.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(gateway.url + path, json=body, headers=headers) as response,
    ):
        await response.read()
        return response.status


async def test_metrics_count_what_was_called(gateway: RunningGateway) -> None:
    admin = gateway.workbench.access_tokens.create("admin", scopes=[Scope.ADMIN]).secret
    for _ in range(2):
        await post(gateway, CHAT)
    await post(gateway, {**CHAT, "model": "offline:nothing"})
    assert (await get(gateway, "/metrics", gateway.token))[0] == 403
    status, text = await get(gateway, "/metrics", admin)
    assert status == 200
    labels = 'route="chat.completions",status="200",target="openai:fixed"'
    assert f"gateway_calls_total{{{labels}}} 2.0" in text
    assert 'gateway_cache_hits_total{target="openai:fixed"} 1.0' in text
    assert 'status="404"' in text


async def test_traces_go_where_an_exporter_is_set(
    tmp_path: Path, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", collect)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with RunningGateway(tmp_path, mock_server.url) as gateway:
        await post(gateway, {**CHAT, "model": "bedrock:amazon.nova-pro-v1:0"})
        async with asyncio.timeout(10):
            while not received:
                await asyncio.sleep(0.02)
    await runner.cleanup()
    traces = ExportTraceServiceRequest.FromString(received[0])
    (span,) = traces.resource_spans[0].scope_spans[0].spans
    found = {each.key: each.value for each in span.attributes}
    assert span.name == "chat bedrock:amazon.nova-pro-v1:0"
    assert found["gen_ai.operation.name"].string_value == "chat"
    assert found["gen_ai.provider.name"].string_value == "aws.bedrock"
    assert found["gen_ai.request.model"].string_value == "bedrock:amazon.nova-pro-v1:0"
    assert found["gen_ai.response.model"].string_value == "amazon.nova-pro-v1:0"
    assert found["gen_ai.usage.input_tokens"].int_value > 0
    assert found["gen_ai.usage.output_tokens"].int_value > 0
    assert span.end_time_unix_nano > span.start_time_unix_nano


async def test_two_hundred_open_streams_do_not_slow_a_health_check(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply="word " * 400, piece_ms=100)

    async def open_stream(session: aiohttp.ClientSession, number: int) -> aiohttp.ClientResponse:
        body = {**CHAT, "stream": True, "seed": number}
        return await session.post(f"{gateway.url}/v1/chat/completions", json=body)

    headers = {"Authorization": f"Bearer {gateway.token}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        responses = await asyncio.gather(*(open_stream(session, n) for n in range(200)))
        assert {response.status for response in responses} == {200}
        slowest = 0.0
        for _ in range(20):
            started = time.perf_counter()
            async with session.get(f"{gateway.url}/health") as response:
                assert response.status == 200
            slowest = max(slowest, time.perf_counter() - started)
            await asyncio.sleep(0.02)
        for response in responses:
            response.close()
    # The streams, their upstream and this client share one process here.
    assert slowest < 0.3
    async with asyncio.timeout(10):
        while mock_server.stats().get("abandoned", 0) < 200:
            await asyncio.sleep(0.05)


async def test_what_is_not_there_is_told_in_the_one_shape(gateway: RunningGateway) -> None:
    status, text = await get(gateway, "/nothing", gateway.token)
    assert status == 404
    assert '"urn:prompt-app:unknown_name"' in text


async def test_the_description_names_every_address_with_examples(gateway: RunningGateway) -> None:
    status, _ = await get(gateway, "/openapi.json", gateway.token)
    assert status == 200
    described = gateway.app.openapi()
    operations = [op for path in described["paths"].values() for op in path.values()]
    assert len(operations) == len(ADDRESSES)
    for operation in operations:
        if "requestBody" in operation:
            assert all(
                kind["example"] is not None for kind in operation["requestBody"]["content"].values()
            )


def test_no_request_makes_a_server_error(gateway: RunningGateway) -> None:
    schema = schemathesis.openapi.from_dict(gateway.app.openapi())
    headers = {"Authorization": f"Bearer {gateway.token}"}

    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
        def one(case: schemathesis.Case) -> None:
            response = case.call(base_url=gateway.url, headers=headers, timeout=20)
            # 502 to 504 are the provider's.
            assert response.status_code not in (500, 501), (case.path, response.text)

        given(case=operation.as_strategy())(one)()


async def test_bodies_are_kept_as_long_as_the_settings_say(
    tmp_path: Path, mock_server: MockServer
) -> None:
    with RunningGateway(tmp_path, mock_server.url, gateway_body_days=1) as gateway:
        assert await post(gateway, CHAT) == 200
        (record,) = await asyncio.to_thread(gateway.usage)
        kept = gateway.workbench.usage.call(record.id).body
        assert kept is not None
        assert '"content":"Hello"' in kept
        assert '"response":"OK"' in kept
    with RunningGateway(tmp_path, mock_server.url) as gateway:
        async with asyncio.timeout(5):
            while gateway.workbench.usage.call(record.id).body is not None:
                await asyncio.sleep(0.05)
