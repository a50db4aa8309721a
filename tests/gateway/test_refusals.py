"""What is refused, how that is told and recorded, and what of a caller's secrets it may show."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateway.running import RunningGateway

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import (
    ModelRoute,
    RouteTarget,
    Scope,
    TokenLimits,
    UsageRecord,
)
from prompt_app.gateway import telemetry
from prompt_app.providers.mock_server import MockServer

CHAT = {"model": "offline:echo", "messages": [{"role": "user", "content": "Hello"}]}
LONG = "One word follows another until the whole sentence has been said."


async def ask(
    gateway: RunningGateway,
    path: str = "/v1/chat/completions",
    body: Any = CHAT,
    token: str = "",
    method: str = "POST",
) -> tuple[int, str, Any]:
    headers = {"Authorization": f"Bearer {token or gateway.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, gateway.url + path, json=body, headers=headers) as response,
    ):
        return response.status, await response.text(), response.headers


async def test_tokens_a_minute_hold_for_calls_that_set_no_limit(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=300, reply="word " * 100)
    limits = TokenLimits(tokens_per_minute=1000)
    token = gateway.workbench.access_tokens.create("limited", limits=limits).secret

    async def one(number: int) -> int:
        messages = [{"role": "user", "content": f"Question {number}"}]
        body = {"model": "openai:fixed", "messages": messages}
        return (await ask(gateway, body=body, token=token))[0]

    statuses = await asyncio.gather(*(one(number) for number in range(100)))
    assert Counter(statuses) == {200: 1, 429: 99}, "it may take all tokens of a minute"
    assert await one(100) == 200, "it took less"
    records = await asyncio.to_thread(gateway.usage, 101)
    assert sum(record.input_tokens + record.output_tokens for record in records) <= 1000


async def test_refused_calls_are_recorded_with_who_made_them(gateway: RunningGateway) -> None:
    tokens = gateway.workbench.access_tokens
    reader = tokens.create("reader", scopes=[Scope.READ])
    busy = tokens.create("busy", limits=TokenLimits(requests_per_minute=1))
    assert (await ask(gateway, token=reader.secret))[0] == 403
    assert [(await ask(gateway, token=busy.secret))[0] for _ in range(2)] == [200, 429]
    assert (await ask(gateway, body=[]))[0] == 400
    assert (await ask(gateway, "/api/pipeline/call/", {"name": "absent"}))[0] == 404
    assert (await ask(gateway, token="wrong-0123456789"))[0] == 401
    records = await asyncio.to_thread(gateway.usage, 5)

    def of(token: str) -> set[tuple[int, str | None]]:
        return {(each.status, each.error_kind) for each in records if each.token == token}

    assert of(reader.token.id) == {(403, "permission_denied")}
    assert of(busy.token.id) == {(200, None), (429, "limit_reached")}
    assert {each.status for each in records} == {200, 400, 403, 404, 429}
    admin = tokens.create("admin", scopes=[Scope.ADMIN]).secret
    _, metrics, _ = await ask(gateway, "/metrics", None, admin, "GET")
    refused = 'gateway_calls_total{route="chat.completions",status="401",target=""}'
    assert f"{refused} 1.0" in metrics, "a stranger is counted, and leaves no record"


async def test_a_secret_in_the_wrong_place_is_never_told_again(
    gateway: RunningGateway, mock_server: MockServer, tmp_path: Path
) -> None:
    secret = gateway.token
    chat = {**CHAT, "model": f"openai:{secret}"}
    for method, path, body in (
        ("GET", f"/nothing/{secret}", None),
        ("GET", f"/v1/models/{secret}", None),
        ("POST", f"/api/openai/{secret}/", CHAT),
        ("GET", f"/api/pipeline/args?pipeline_name={secret}", None),
        ("POST", "/v1/chat/completions", chat),
        ("POST", "/v1/chat/completions", {**chat, "stream": True}),
        ("POST", f"/model/{secret}/converse", {"messages": []}),
        ("GET", f"/get_sample_questions?assistant={secret}", None),
    ):
        status, text, headers = await ask(gateway, path, body, method=method)
        assert status in (400, 404), path
        assert secret not in text + str(headers), path
    assert not mock_server.stats().get("received"), "nor does the provider see it"
    await asyncio.to_thread(gateway.usage, 4)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*.sqlite3*"))
    assert secret.encode() not in kept
    status, text, _ = await ask(gateway, body={**CHAT, "model": "openai:a\nb"})
    assert (status, "model's name" in text) == (400, True)


async def test_others_calls_through_a_proxy_here_need_a_token(
    tmp_path: Path, mock_server: MockServer
) -> None:
    with RunningGateway(tmp_path, mock_server.url, open_here=True) as gateway:
        async with aiohttp.ClientSession() as session:
            address = f"{gateway.url}/v1/models"
            async with session.get(address) as response:
                assert response.status == 200
            for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
                async with session.get(address, headers={header: "192.0.2.7"}) as response:
                    assert response.status == 403, header


SHAPES = {
    "/v1/chat/completions": '"invalid_request_error"',
    "/v1/nothing": '"invalid_request_error"',
    "/model/x/converse": '{"message":',
    "/test/assessment": "urn:prompt-app:",
    "/v1/chat/completions/": '"invalid_request_error"',
}


async def test_a_wrong_method_or_path_is_told_in_the_routes_shape(gateway: RunningGateway) -> None:
    for path, shape in SHAPES.items():
        status, text, headers = await ask(gateway, path, method="DELETE")
        assert status in (404, 405), path
        assert shape in text
        assert status == 404 or headers["allow"]


async def test_a_stream_left_before_its_first_piece_ends_upstream(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=4000)
    body = {**CHAT, "model": "openai:fixed", "stream": True}
    leaving = asyncio.create_task(ask(gateway, body=body))
    while not mock_server.stats().get("received"):
        await asyncio.sleep(0.01)
    leaving.cancel()
    (record,) = await asyncio.to_thread(gateway.usage)
    assert (record.status, record.output_tokens) == (499, 0)
    assert record.latency_ms < 3000


async def test_who_stays_pays_for_a_shared_call(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    """The one who asked first leaves in mid-stream: the other one is charged, and the reply is
    stored."""
    mock_server.control(latency_ms=50, reply=LONG * 3, piece_ms=20)
    body = {**CHAT, "model": "openai:fixed", "stream": True}
    headers = {"Authorization": f"Bearer {gateway.token}"}
    address = f"{gateway.url}/v1/chat/completions"
    async with aiohttp.ClientSession(headers=headers) as session:
        leaving = await session.post(address, json=body)
        staying = await session.post(address, json=body)
        await leaving.content.readline()
        await staying.content.readline()
        leaving.close()
        text = await staying.text()
    assert text.endswith("data: [DONE]\n\n")
    left, paid = await asyncio.to_thread(_by_status, gateway)
    assert (left.input_tokens, left.output_tokens, left.cost_usd) == (0, 0, 0.0)
    assert paid.output_tokens > 10
    assert not paid.cached
    assert (await ask(gateway, body=body))[2]["x-cache-hit"] == "true"
    assert mock_server.stats()["received"] == 1


def _by_status(gateway: RunningGateway) -> tuple[UsageRecord, UsageRecord]:
    records = {record.status: record for record in gateway.usage(2)}
    return records[499], records[200]


async def test_callers_cannot_make_the_metrics_grow(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "MOST_TARGETS", 3)
    for number in range(10):
        await ask(gateway, body={**CHAT, "model": f"openai:made-up-{number}"})
    admin = gateway.workbench.access_tokens.create("admin", scopes=[Scope.ADMIN]).secret
    _, metrics, _ = await ask(gateway, "/metrics", None, admin, "GET")
    assert metrics.count('gateway_calls_total{route="chat.completions"') == 4
    assert 'target="other"} 7.0' in metrics


async def test_what_was_paid_for_counts_where_a_part_fails(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    """Converse gives one response a call: several are several calls."""
    target = RouteTarget(model="bedrock:amazon.nova-pro-v1:0")
    gateway.workbench.serving_names.save_alias(
        ModelRoute(name="once", targets=(target,), attempts=1)
    )
    mock_server.control(p_500=0.5)
    assert (await ask(gateway, body={**CHAT, "model": "once", "n": 30}))[0] == 502
    (record,) = await asyncio.to_thread(gateway.usage)
    assert 0 < record.input_tokens == mock_server.stats()["input_tokens"]
    assert record.cost_usd > 0


async def test_a_pipelines_step_fails_with_its_own_status(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    workbench.pipelines.save("shout", "upper(say(word))", model="openai:fixed")
    limits = TokenLimits(tokens_per_minute=12)
    small = workbench.access_tokens.create("small", limits=limits).secret
    for number, (control, token, status) in enumerate(
        (({"p_500": 1}, "", 502), ({"p_500": 0, "models": ["other"]}, "", 404),
         ({"models": []}, small, 200), ({}, small, 429),
         ({"p_429": 1, "retry_after": 300}, "", 429))
    ):  # fmt: skip
        mock_server.control(**control)
        call = {"name": "shout", "args": {"word": f"word {number}"}}
        found, text, headers = await ask(gateway, "/api/pipeline/call/", call, token)
        assert found == status, text
        assert status in (200, 404) or "say (column 7): " in text
        assert status != 429 or int(headers["retry-after"]) > 0
    chat = {**CHAT, "model": "pipeline/shout"}
    found, text, _ = await ask(gateway, body=chat, token=small)
    assert (found, "rate_limit_error" in text) == (429, True)
    records = await asyncio.to_thread(gateway.usage, 6)
    assert {record.target for record in records} == {"pipeline:shout"}, "failed ones too"


async def test_pipelines_that_share_a_call_name_one_place_each(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    texts = {"first": "say(word)", "second": "upper(say(word))"}
    for name, text in texts.items():
        workbench.pipelines.save(name, text, model="openai:fixed")
    mock_server.control(latency_ms=200, p_429=1, retry_after=300)
    told = await asyncio.gather(
        *(ask(gateway, "/api/pipeline/call/", {"name": name, "args": {"word": "hi"}})
          for name in texts)
    )  # fmt: skip
    assert [(status, text.count("(column")) for status, text, _ in told] == [(429, 1)] * 2
    assert ["say (column 1)" in told[0][1], "say (column 7)" in told[1][1]] == [True, True]
    assert mock_server.stats()["received"] == 1


async def test_who_may_call_a_pipeline_may_call_its_models(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    for name in ("shout", "other"):
        workbench.pipelines.save(name, "upper(say(word))", model="openai:echo")
    narrow = workbench.access_tokens.create("narrow", models=["pipeline/shout"]).secret
    for name, status in (("shout", 200), ("other", 403)):
        call = {"name": name, "args": {"word": "hi"}}
        assert (await ask(gateway, "/api/pipeline/call/", call, narrow))[0] == status
    assert (await ask(gateway, body={**CHAT, "model": "openai:echo"}, token=narrow))[0] == 403


async def test_a_pipeline_has_no_stored_replies_of_its_own(gateway: RunningGateway) -> None:
    gateway.workbench.pipelines.save("shout", "upper(word)")
    body = {**CHAT, "model": "pipeline/shout"}
    status, text, _ = await ask(gateway, "/api/cache/v1/chat/completions/", body)
    assert (status, text) == (200, "[]")


async def test_what_is_no_text_is_not_embedded(gateway: RunningGateway) -> None:
    for wrong in ([1, 2], [[1], [2]], [], ["a", 1], None, 5, ["a"] * 2049):
        body = {"model": "offline:hashing", "input": wrong}
        status, text, _ = await ask(gateway, "/v1/embeddings", body)
        assert (status, "send the texts" in text or "1 to 2048 texts" in text) == (400, True), text


async def test_a_provider_that_asks_to_wait_too_long_is_waited_for_by_nobody(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    first, second = RouteTarget(model="openai:fixed"), RouteTarget(model="offline:echo")
    names = gateway.workbench.serving_names
    names.save_alias(ModelRoute(name="alone", targets=(first,), timeout_seconds=5))
    names.save_alias(
        ModelRoute(name="safe", targets=(first,), fallbacks=(second,), timeout_seconds=5)
    )
    mock_server.control(p_429=1, retry_after=60)
    assert (await ask(gateway, body={**CHAT, "model": "alone"}))[0] == 429
    mock_server.control(p_429=0)
    for stream in (False, True):
        body = {**CHAT, "stream": stream}
        status, _, headers = await ask(gateway, body={**body, "model": "alone"})
        assert (status, 50 < int(headers["retry-after"]) <= 60) == (429, True)
        status, _, headers = await ask(gateway, body={**body, "model": "safe"})
        assert (status, headers["x-model"]) == (200, "offline:echo")
    assert mock_server.stats()["received"] == 1
    assert max(record.latency_ms for record in await asyncio.to_thread(gateway.usage, 5)) < 5000
