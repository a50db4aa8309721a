"""Alerts at what the calls cost, and tokens that are changed while the gateway runs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from engine.runs import temporary_workbench
from gateway.running import RunningGateway
from pydantic import SecretStr

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.serving import TokenLimits, UsageRecord
from prompt_app.errors import (
    ConflictError,
    InputError,
    PermissionDeniedError,
    SettingsError,
    UnknownNameError,
)
from prompt_app.providers.mock_server import MockServer
from prompt_app.settings import load_settings
from prompt_app.workbench.access_tokens import TokenChanges
from prompt_app.workbench.spend_alerts import raise_due

PAID = "bedrock:amazon.nova-pro-v1:0"


async def ask(gateway: RunningGateway, token: str, model: str = PAID, text: str = "Hi") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 40}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(f"{gateway.url}/v1/chat/completions", json=body) as response,
    ):
        return response.status


@asynccontextmanager
async def webhook() -> AsyncIterator[tuple[str, list[Any]]]:
    """Its address, and what it was told."""
    told: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        told.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook?key=secret-part", told
    finally:
        await runner.cleanup()


async def test_an_alert_is_logged_shown_and_told_to_the_webhook(
    tmp_path: Path, mock_server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with webhook() as (address, told):
        with (
            RunningGateway(tmp_path, mock_server.url, alert_webhook=SecretStr(address)) as gateway,
            caplog.at_level(logging.WARNING),
        ):
            workbench = gateway.workbench
            workbench.spend_alerts.add("gateway", "day", 0.0000001)
            workbench.spend_alerts.add("token", "month", 0.0000001)
            workbench.spend_alerts.add("person", "day", 1_000_000)
            assert await ask(gateway, gateway.token) == 200
            async with asyncio.timeout(10):
                while len(told) < 2:
                    await asyncio.sleep(0.05)
            raised = workbench.spend_alerts.raised()
            assert {each.scope for each in raised} == {"gateway", "token"}
            assert {each["text"] for each in told} == {each.text for each in raised}
            assert "The calls of the token test (" in told[1]["text"]
            assert told[1]["alert"]["usd"] == 0.0000001
            assert raised[0].text in caplog.text
            assert "secret-part" not in caplog.text
            assert await ask(gateway, gateway.token, text="Again") == 200
            await asyncio.sleep(1.2)
            assert len(told) == 2, "once a period"


async def test_a_webhook_that_must_not_be_reached_is_not(
    tmp_path: Path, mock_server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    metadata = SecretStr("http://169.254.169.254/hook?key=secret-part")
    with RunningGateway(tmp_path, mock_server.url, alert_webhook=metadata) as gateway:
        gateway.workbench.spend_alerts.add("gateway", "day", 0.0000001)
        assert await ask(gateway, gateway.token) == 200
        async with asyncio.timeout(10):
            while "must not be reached" not in caplog.text:
                await asyncio.sleep(0.05)
        assert "secret-part" not in caplog.text
        assert await ask(gateway, gateway.token, text="Again") == 200


def test_who_sets_and_who_sees_alerts(tmp_path: Path) -> None:
    workbench = temporary_workbench(tmp_path)
    eve, bob = (
        workbench.acting_as(Person(id=name, name=name, role=Role.EDITOR)) for name in ("eve", "bob")
    )
    token = eve.access_tokens.create("hers").token
    now = datetime.now(UTC)
    workbench.store.write_usage(
        [
            UsageRecord("u1", now, token.id, "eve", "chat", "m", cost_usd=3.0),
            UsageRecord("u2", now, "", "bob", "chat", "m", cost_usd=1.0),
        ],
        [],
    )
    alerts = workbench.spend_alerts
    alerts.add("gateway", "month", 4.0)
    alerts.add("person", "day", 1.0, "bob")
    removed = alerts.add("token", "day", 2.0)
    with pytest.raises(PermissionDeniedError):
        eve.spend_alerts.add("person", "day", 1.0)
    with pytest.raises(InputError, match="above 0"):
        alerts.add("person", "day", 0.0)
    with pytest.raises(InputError, match="whole gateway"):
        alerts.add("gateway", "day", 1.0, "eve")
    with pytest.raises(UnknownNameError):
        alerts.add("token", "day", 1.0, "nobodys")
    assert len(raise_due(workbench.store, now)) == 3
    assert raise_due(workbench.store, now) == []
    assert len(alerts.raised()) == 3
    assert [each.name for each in eve.spend_alerts.raised()] == ["hers"]
    assert [each.name for each in bob.spend_alerts.raised()] == ["bob"]
    others = next(each for each in alerts.raised() if each.name == "hers")
    for number in range(60):
        workbench.store.raise_alert(replace(others, subject=f"t{number}", at=datetime.now(UTC)))
    assert [each.name for each in bob.spend_alerts.raised()] == ["bob"], "however many others"
    alerts.delete(removed.id)
    assert [each.scope for each in alerts.all()] == ["gateway", "person"]
    noted = [entry.action for entry in workbench.audit.entries().items][:2]
    assert noted == ["alert.delete", "alert.add"]
    workbench.close()


def test_a_wrong_webhook_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_APP_ALERT_WEBHOOK", "ftp://secret-part.example.com")
    with pytest.raises(SettingsError, match="PROMPT_APP_ALERT_WEBHOOK") as caught:
        load_settings()
    assert "secret-part" not in str(caught.value)


async def test_a_tokens_changes_hold_at_the_next_call(gateway: RunningGateway) -> None:
    tokens = gateway.workbench.access_tokens
    made = tokens.create("ci", limits=TokenLimits(requests_per_minute=2))

    def edit(**changes: Any) -> None:
        token = gateway.workbench.store.get_token(made.token.id)
        given = {name: getattr(token, name) for name in TokenChanges.__slots__}
        tokens.edit(token.id, TokenChanges(**{**given, **changes}))

    free = "offline:echo"
    assert [await ask(gateway, made.secret, free) for _ in range(3)] == [200, 200, 429]
    edit(limits=TokenLimits(requests_per_minute=4))
    assert [await ask(gateway, made.secret, free) for _ in range(3)] == [200, 200, 429]
    edit(limits=TokenLimits())
    assert await ask(gateway, made.secret, free) == 200
    edit(models=("openai:*",))
    assert await ask(gateway, made.secret, free) == 403
    edit(models=(), limits=TokenLimits(usd_per_day=0.00000001))
    assert await ask(gateway, made.secret) == 429
    edit(expires_at=None, limits=TokenLimits())
    assert await ask(gateway, made.secret) == 200
    await asyncio.to_thread(gateway.usage, 6)
    edit(limits=TokenLimits(usd_per_day=0.0000001))
    assert await ask(gateway, made.secret, text="More") == 429, "what was spent before counts"


async def test_a_rotated_token_has_one_secret(gateway: RunningGateway) -> None:
    tokens = gateway.workbench.access_tokens
    made = tokens.create("ci")
    assert await ask(gateway, made.secret, "offline:echo") == 200
    again = tokens.rotate(made.token.id)
    assert again.token == made.token
    assert await ask(gateway, made.secret, "offline:echo") == 401
    assert await ask(gateway, again.secret, "offline:echo") == 200
    tokens.revoke(made.token.id)
    with pytest.raises(ConflictError):
        tokens.rotate(made.token.id)


def test_tokens_are_changed_by_their_owners_and_admins_within_reason(tmp_path: Path) -> None:
    workbench = temporary_workbench(tmp_path)
    eve, bob = (
        workbench.acting_as(Person(id=name, name=name, role=Role.EDITOR)).access_tokens
        for name in ("eve", "bob")
    )
    token = eve.create("hers", days=1).token
    same = TokenChanges(token.name, token.limits, token.models, token.expires_at)
    for forbidden in (lambda: bob.edit(token.id, same), lambda: bob.rotate(token.id)):
        with pytest.raises(PermissionDeniedError):
            forbidden()
    assert eve.edit(token.id, same) == token
    past = TokenChanges("x", token.limits, (), datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(InputError, match="future"):
        eve.edit(token.id, past)
    with pytest.raises(InputError, match="name"):
        eve.edit(token.id, TokenChanges(" ", token.limits, (), None))
    changed = workbench.access_tokens.edit(token.id, TokenChanges("y", token.limits, (), None))
    assert (changed.name, changed.owner, changed.expires_at) == ("y", "eve", None)
    newest = workbench.audit.entries().items[0]
    assert (newest.action, json.loads(newest.details)["name"]) == ("token.edit", "y")
    workbench.close()


def test_what_an_admin_set_its_owner_does_not_lift(tmp_path: Path) -> None:
    workbench = temporary_workbench(tmp_path)
    limits, models = TokenLimits(usd_per_day=1), ("offline:*",)
    eve = Person(id="eve", name="Eve", role=Role.EDITOR)
    hers, admins = workbench.acting_as(eve).access_tokens, workbench.access_tokens
    given = admins.create("given", owner=eve, limits=limits, models=models, days=1).token
    own = hers.create("own").token
    admins.edit(own.id, TokenChanges("own", limits, models, given.expires_at))
    for token in (given, own):
        for wanted in (
            TokenChanges(token.name, TokenLimits(), models, given.expires_at),
            TokenChanges(token.name, limits, (), given.expires_at),
            TokenChanges(token.name, limits, models, None),
        ):
            with pytest.raises(PermissionDeniedError, match="admin"):
                hers.edit(token.id, wanted)
        renamed = hers.edit(token.id, TokenChanges("mine", limits, models, given.expires_at))
        assert (renamed.name, renamed.limits, renamed.models) == ("mine", limits, models)
        with pytest.raises(PermissionDeniedError, match="admin"):
            hers.edit(token.id, TokenChanges("mine", TokenLimits(), (), None))
    free = hers.create("free", limits=limits).token
    assert hers.edit(free.id, TokenChanges("free", TokenLimits(), (), None)).limits == TokenLimits()
    viewer = workbench.acting_as(eve.model_copy(update={"role": Role.VIEWER})).access_tokens
    with pytest.raises(PermissionDeniedError):
        viewer.edit(free.id, TokenChanges("free", limits, (), None))
    workbench.close()
