"""``/assessment`` given what is large, out of range, or answered with what cannot be read."""

from __future__ import annotations

import asyncio

import aiohttp
from gateway.running import RunningGateway
from gateway.test_native import REPLY, RUBRIC, call

from prompt_app.providers.mock_server import MockServer

GIVEN = {"code": "var a;", "prompt": "Assess.", "rubric": RUBRIC, "model": "openai:fixed"}


async def test_a_large_field_is_taken(gateway: RunningGateway, mock_server: MockServer) -> None:
    mock_server.control(reply=REPLY)
    large = "// A remark.\n" * 100_000 + "var a;"  # what is sent on is short
    given = {**GIVEN, "remove-comments": "1", "code": large}
    form = aiohttp.FormData(given, default_to_multipart=True)
    assert (await call(gateway, "POST", "/assessment", data=form))[0] == 200


async def test_a_temperature_has_two_ends(gateway: RunningGateway) -> None:
    for temperature in (-1, "nan", 3):
        given = {**GIVEN, "temperature": temperature}
        status, told = await call(gateway, "POST", "/assessment", json=given)
        assert (status, "from 0 to 2" in told["detail"]) == (400, True)


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
