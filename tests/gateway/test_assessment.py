"""``/assessment`` given what it cannot take, and what of a call it keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateway.running import RunningGateway
from gateway.test_native import REPLY, RUBRIC, call

from prompt_app.errors import ContextTooLongError
from prompt_app.gateway.routes.assessment import refusal
from prompt_app.providers.mock_server import MockServer

GIVEN = {"code": "var a;", "prompt": "Assess.", "rubric": RUBRIC, "model": "openai:fixed"}
KEY = "a-key-of-the-clients-own-123"


async def test_a_broken_form_is_a_mistake_of_the_client(gateway: RunningGateway) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=absent"):
        headers = {"Content-Type": kind}
        status, told = await call(gateway, "POST", "/assessment", data=b"nothing", headers=headers)
        assert (status, told["status"]) == (400, 400), kind


async def test_files_and_large_fields_are_taken(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply=REPLY)
    large = "// A remark.\n" * 100_000 + "var a;"  # what is sent on is short
    given = {**GIVEN, "remove-comments": "1", "code": large}
    form = aiohttp.FormData({name: value for name, value in given.items() if name != "code"})
    form.add_field("code", large.encode(), filename="work.js")
    status, body = await call(gateway, "POST", "/assessment", data=form)
    assert status == 200, body
    form = aiohttp.FormData(given, default_to_multipart=True)
    assert (await call(gateway, "POST", "/assessment", data=form))[0] == 200


async def test_a_clients_key_is_not_kept_with_the_body(
    tmp_path: Path, mock_server: MockServer
) -> None:
    mock_server.control(reply=REPLY)
    with RunningGateway(tmp_path, mock_server.url, gateway_body_days=1) as gateway:
        given = {**GIVEN, "api-key": KEY}
        multipart = aiohttp.FormData(given, default_to_multipart=True)
        for sent in ({"json": given}, {"data": aiohttp.FormData(given)}, {"data": multipart}):
            assert (await call(gateway, "POST", "/assessment", **sent))[0] == 200  # type: ignore[arg-type]
        for record in await asyncio.to_thread(gateway.usage, 3):
            body = gateway.workbench.store.get_usage(record.id).body
            assert body is not None
            assert "var a;" in body
            assert KEY not in body


@pytest.mark.parametrize("temperature", [-1, "nan", 3])
async def test_a_temperature_has_two_ends(gateway: RunningGateway, temperature: Any) -> None:
    given = {**GIVEN, "temperature": temperature}
    status, told = await call(gateway, "POST", "/assessment", json=given)
    assert (status, "from 0 to 2" in told["detail"]) == (400, True)


def test_a_work_that_is_too_long_for_the_model_is_413() -> None:
    told = refusal(ContextTooLongError("It has 9000 tokens too many."))
    assert told.status == 413
    assert b'"title":"Body too large"' in told.body


async def test_the_title_fits_the_status(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply="I cannot say.")
    status, told = await call(gateway, "POST", "/assessment", json=GIVEN)
    assert (status, told["title"]) == (503, "Unavailable")


async def test_a_reply_that_cannot_be_read_is_paid_for_once(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply="I cannot say.")
    assert (await call(gateway, "POST", "/assessment", json=GIVEN))[0] == 503
    assert mock_server.stats()["received"] == 1
    mock_server.control(reply=REPLY)
    status, body = await call(gateway, "POST", "/assessment", json=GIVEN)
    assert (status, body["metadata"]["agent"]) == (200, "openai"), "the stored one is no answer"
    first, second = reversed(await asyncio.to_thread(gateway.usage, 2))
    assert (first.status, second.status) == (503, 200)
    assert mock_server.stats()["input_tokens"] == first.input_tokens + second.input_tokens
