"""Who may call: tokens, scopes, limits; nothing answers a stranger."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from engine.runs import temporary_workbench
from gateway.running import RunningGateway

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.serving import KeptToken, Scope, TokenLimits
from prompt_app.errors import PermissionDeniedError, UnknownTokenError
from prompt_app.gateway.routes import ADDRESSES
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench
from prompt_app.workbench.serving.admission import Admission, Ledger, secret_hash

CHAT = {"model": "offline:echo", "messages": [{"role": "user", "content": "Hello"}]}


async def post(
    gateway: RunningGateway, token: str | None, body: Any = CHAT, **headers: str
) -> tuple[int, Any, Any]:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers) as response,
    ):
        return response.status, await response.json(), response.headers


async def test_no_address_answers_without_a_token(gateway: RunningGateway) -> None:
    async with aiohttp.ClientSession() as session:
        for address in ADDRESSES:
            for path in address.paths:
                url = gateway.url + path.replace("{name:path}", "x").replace("{endpoint:path}", "x")
                async with session.request(address.method, url, data=b"{}") as response:
                    wanted = (200, 401) if address.scope is None else (401, 403)
                    assert response.status in wanted, path
                    assert address.scope is not None or path in PUBLIC


PUBLIC = {"/health", "/test"}


async def test_a_wrong_token_is_refused(gateway: RunningGateway) -> None:
    for token in ("", "nonsense", "sk-prompt-", "sk-prompt-000000000000-abc"):
        status, body, headers = await post(gateway, token)
        assert status == 401, token
        assert headers["www-authenticate"] == "Bearer"
        assert body["error"]["code"] == "invalid_api_key"


async def test_a_revoked_token_is_refused_at_once(gateway: RunningGateway) -> None:
    made = gateway.workbench.access_tokens.create("short-lived")
    assert (await post(gateway, made.secret))[0] == 200
    gateway.workbench.access_tokens.revoke(made.token.id)
    assert (await post(gateway, made.secret))[0] == 401


def _another_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """What it changes shows in the database alone."""
    other = temporary_workbench(folder)
    monkeypatch.setattr(type(other.store), "serving_changes_here", 0)
    return other


async def test_another_process_revokes_within_a_second(
    gateway: RunningGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _another_process(tmp_path, monkeypatch)
    made = other.access_tokens.create("elsewhere")
    assert (await post(gateway, made.secret))[0] == 200
    other.access_tokens.revoke(made.token.id)
    started = time.monotonic()
    async with asyncio.timeout(2):
        while (await post(gateway, made.secret))[0] != 401:
            await asyncio.sleep(0.05)
    assert time.monotonic() - started < 1.5
    other.close()


async def test_another_process_token_is_taken_at_once(
    tmp_path: Path, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prompt_app.workbench.serving.serving.LOOK_SECONDS", 3600)
    with RunningGateway(tmp_path, mock_server.url) as gateway:
        assert (await post(gateway, gateway.token))[0] == 200
        other = _another_process(tmp_path, monkeypatch)
        made = other.access_tokens.create("elsewhere")
        assert (await post(gateway, made.secret))[0] == 200
        again = other.access_tokens.rotate(made.token.id)
        assert (await post(gateway, again.secret))[0] == 200
        assert (await post(gateway, made.secret))[0] == 401
        other.close()


async def test_strangers_do_not_keep_the_database_busy(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, looks = gateway.workbench.store, 0
    revision = store.serving_revision

    def count() -> int:
        nonlocal looks
        looks += 1
        return revision()

    monkeypatch.setattr(store, "serving_revision", count)
    started = time.monotonic()
    answers = await asyncio.gather(*(post(gateway, f"sk-prompt-0-{n}") for n in range(100)))
    assert {status for status, _, _ in answers} == {401}
    assert looks <= 3 + (time.monotonic() - started) / 0.05


async def test_an_expired_token_is_refused(gateway: RunningGateway) -> None:
    made = gateway.workbench.access_tokens.create("brief", days=0.3 / 86400)
    assert made.token.expires_at is not None
    async with asyncio.timeout(3):
        while (await post(gateway, made.secret))[0] != 401:
            await asyncio.sleep(0.05)
    assert datetime.now(UTC) >= made.token.expires_at


async def test_scopes_and_models_are_kept_to(gateway: RunningGateway) -> None:
    tokens = gateway.workbench.access_tokens
    reader = tokens.create("reader", scopes=[Scope.READ]).secret
    narrow = tokens.create("narrow", models=["openai:*", "prompt/ask"]).secret
    status, body, _ = await post(gateway, reader)
    assert (status, body["error"]["type"]) == (403, "permission_error")
    status, body, _ = await post(gateway, narrow)
    assert status == 403
    assert "offline:echo" in body["error"]["message"]
    assert (await post(gateway, narrow, {**CHAT, "model": "openai:echo"}))[0] == 200
    # A prompt that may be called is no way to a model that may not.
    chosen = {**CHAT, "model": "prompt/ask", "prompt_model": "offline:echo"}
    from prompt_app.datamodel.prompt import PromptTemplate

    gateway.workbench.save_prompt("ask", PromptTemplate.model_validate("{question}"))
    assert (await post(gateway, narrow, chosen))[0] == 403


async def test_requests_a_minute_hold_under_concurrency(gateway: RunningGateway) -> None:
    limits = TokenLimits(requests_per_minute=30)
    token = gateway.workbench.access_tokens.create("limited", limits=limits).secret
    answers = await asyncio.gather(*(post(gateway, token) for _ in range(100)))
    statuses = [status for status, _, _ in answers]
    assert statuses.count(200) == 30
    assert statuses.count(429) == 70
    refused = next(headers for status, _, headers in answers if status == 429)
    assert 50 <= int(refused["retry-after"]) <= 60


async def test_tokens_a_minute_hold_under_concurrency(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=1000)
    limits = TokenLimits(tokens_per_minute=1000)
    token = gateway.workbench.access_tokens.create("limited", limits=limits).secret

    async def ask(number: int) -> int:
        messages = [{"role": "user", "content": f"Question {number}"}]
        body = {"model": "openai:fixed", "messages": messages, "max_tokens": 90}
        return (await post(gateway, token, body))[0]

    statuses = await asyncio.gather(*(ask(number) for number in range(100)))
    assert set(statuses) == {200, 429}
    assert 5 <= statuses.count(200) <= 11, "about 95 tokens are reserved for each"


async def test_a_spend_limit_is_not_overshot_under_concurrency(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(latency_ms=50)
    gateway.workbench.settings  # noqa: B018 - the price is that of the catalogue
    limits = TokenLimits(usd_per_day=0.001)
    made = gateway.workbench.access_tokens.create("thrifty", limits=limits)

    async def ask(number: int) -> int:
        body = {
            "model": "bedrock:amazon.nova-pro-v1:0",
            "messages": [{"role": "user", "content": f"Question {number}"}],
            "max_tokens": 40,
        }
        return (await post(gateway, made.secret, body))[0]

    statuses = await asyncio.gather(*(ask(number) for number in range(100)))
    assert set(statuses) == {200, 429}
    # Reserved at the most a call can cost, so that what is left serves the later ones.
    statuses += [await ask(number) for number in range(100, 110)]
    spent = sum(record.cost_usd for record in await asyncio.to_thread(gateway.usage, 110))
    assert 0 < spent <= 0.001


async def test_a_spend_limit_needs_a_known_price(gateway: RunningGateway) -> None:
    limits = TokenLimits(usd_per_month=5)
    token = gateway.workbench.access_tokens.create("capped", limits=limits).secret
    assert (await post(gateway, token))[0] == 200, "the offline models are free"
    status, body, _ = await post(gateway, token, {**CHAT, "model": "sagemaker:echo"})
    assert status == 403
    assert "price" in body["error"]["message"]


async def test_what_was_spent_before_counts(gateway: RunningGateway) -> None:
    from prompt_app.datamodel.serving import UsageRecord

    made = gateway.workbench.access_tokens.create("spent", limits=TokenLimits(usd_per_month=1))
    now = datetime.now(UTC)
    past = UsageRecord("u1", now, made.token.id, "local", "chat", "m", cost_usd=1.5)
    gateway.workbench.store.write_usage([past], [])
    body = {**CHAT, "model": "bedrock:amazon.nova-pro-v1:0", "max_tokens": 10}
    status, answer, _ = await post(gateway, made.secret, body)
    assert status == 429
    assert "$1 a month" in answer["error"]["message"]


def test_tokens_a_minute_are_reserved_and_corrected() -> None:
    now = [0.0]
    ledger = Ledger(TokenLimits(tokens_per_minute=100), clock=lambda: now[0])
    first = ledger.reserve(60, 0.0)
    with pytest.raises(Exception, match="100 tokens a minute"):
        ledger.reserve(60, 0.0)
    ledger.settle(first, 20, 0.0)
    ledger.reserve(60, 0.0)
    now[0] = 61
    ledger.reserve(100, 0.0)


async def test_here_no_token_is_needed_but_strangers_are_kept_out(
    tmp_path: Path, mock_server: MockServer
) -> None:
    with RunningGateway(tmp_path, mock_server.url, open_here=True) as gateway:
        assert (await post(gateway, None))[0] == 200
        assert (await post(gateway, "whatever-a-client-sends"))[0] == 200
        assert (await post(gateway, "sk-prompt-000000000000-wrong"))[0] == 401
        port = gateway.url.rpartition(":")[2]
        for headers in (
            {"Origin": "https://example.com"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": f"rebound.example.com:{port}"},
            {"X-Forwarded-For": "203.0.113.7"},
            {"Forwarded": "for=203.0.113.7"},
        ):
            assert (await post(gateway, None, **headers))[0] == 403, headers
        same = {"Origin": gateway.url, "Sec-Fetch-Site": "same-origin"}
        assert (await post(gateway, None, **same))[0] == 200


async def test_a_token_never_appears(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    secret = gateway.token
    await post(gateway, secret)
    await post(gateway, secret + "x")
    await post(gateway, secret, [])
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{gateway.url}/v1/models?api_key={secret}") as response,
    ):
        assert response.status == 401, "a token in an address is not looked at"
        assert secret not in await response.text()
    await asyncio.to_thread(gateway.usage)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*.sqlite3*"))
    assert secret.encode() not in kept
    assert secret.rpartition("-")[2].encode() not in kept
    # uvicorn's access log is off; it takes pytest's listener there, if there is one, for a reader.
    told = [record for record in caplog.records if record.name != "uvicorn.access"]
    assert not any(secret in logging.Formatter().format(record) for record in told)


async def test_a_secret_is_compared_in_constant_time(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr("prompt_app.workbench.serving.admission.hmac.compare_digest", compare)
    admission = Admission(gateway.workbench.store)
    await admission.identify(gateway.token)
    with pytest.raises(UnknownTokenError):
        await admission.identify("sk-prompt-unknown-secret")
    assert len(compared) == 2, "also where the id is unknown"
    assert compared[0][0] == secret_hash(gateway.token)


def test_roles_say_which_tokens_a_person_may_make(tmp_path: Path) -> None:
    workbench = temporary_workbench(tmp_path)
    viewer, editor = (
        workbench.acting_as(Person(id=str(role), name=str(role), role=role)).access_tokens
        for role in (Role.VIEWER, Role.EDITOR)
    )
    own = editor.create("mine")
    assert set(own.token.scopes) == {Scope.READ, Scope.INVOKE}
    for forbidden in (
        lambda: viewer.create("mine", scopes=[Scope.READ]),
        lambda: editor.create("mine", scopes=[Scope.ADMIN]),
        lambda: editor.create("hers", owner=Person(id="eve", name="Eve")),
        lambda: editor.page(everyone=True),
        lambda: viewer.revoke(own.token.id),
    ):
        with pytest.raises(PermissionDeniedError):
            forbidden()
    assert [token.owner for token in editor.page().items] == ["editor"]
    assert workbench.access_tokens.revoke(own.token.id).revoked_at is not None
    log = [(entry.person, entry.action) for entry in workbench.audit.entries().items]
    assert log == [("local", "token.revoke"), ("editor", "token.create")]
    workbench.close()


def test_a_window_forgets_what_is_older_than_a_minute() -> None:
    now = [0.0]
    ledger = Ledger(TokenLimits(requests_per_minute=2), clock=lambda: now[0])
    ledger.admit()
    now[0] = 30
    ledger.admit()
    with pytest.raises(Exception, match="2 requests a minute") as caught:
        ledger.admit()
    assert caught.value.retry_after == 30  # type: ignore[attr-defined]
    now[0] = 60.5
    ledger.admit()


def test_many_tokens_are_read_at_once(tmp_path: Path) -> None:
    workbench = temporary_workbench(tmp_path)
    made = workbench.access_tokens.create("first")
    for number in range(200):
        copy = made.token.model_copy(
            update={"id": f"t{number}", "expires_at": made.token.created_at + timedelta(days=1)}
        )
        workbench.store.save_token(KeptToken(copy, bytes(32)))

    async def main() -> None:
        admission = Admission(workbench.store)
        started = time.perf_counter()
        await admission.identify(made.secret)
        assert time.perf_counter() - started < 1

    asyncio.run(main())
    workbench.close()
