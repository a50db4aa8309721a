"""A login of the studio in the place of a token, on the routes of pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from gateway.running import RunningGateway

from prompt_app.datamodel.access import Person, Role
from prompt_app.errors import LoginRequiredError
from prompt_app.providers.mock_server import MockServer


def visitor(cookies: Mapping[str, str]) -> Person:
    if cookies.get("login") != "ada":
        raise LoginRequiredError("Log in first.")
    return Person(id="ada", name="Ada", role=Role.EDITOR)


async def test_a_login_will_do_from_the_studios_own_pages(
    tmp_path: Path, mock_server: MockServer
) -> None:
    with RunningGateway(tmp_path, mock_server.url, visitor=visitor) as gateway:
        gateway.workbench.pipelines.save("shout", "upper(word)")
        url = f"{gateway.url}/api/pipeline/call/"
        body = {"name": "shout", "args": {"word": "hi"}}

        async def status(path: str = url, **headers: str) -> int:
            async with (
                aiohttp.ClientSession() as session,
                session.post(path, json=body, headers=headers) as response,
            ):
                return response.status

        login = {"Cookie": "other=1; login=ada"}
        assert await status(**login, Origin=gateway.url) == 200
        assert await status(**login, **{"Sec-Fetch-Site": "same-origin"}) == 200
        assert await status(**login) == 401, "not known to come from a page of its own"
        assert await status(**login, Origin="https://example.com") == 401
        assert await status(Cookie="login=eve", Origin=gateway.url) == 401
        chat = f"{gateway.url}/v1/chat/completions"
        assert await status(chat, **login, Origin=gateway.url) == 401, "a token is needed there"


async def test_a_viewers_login_reads_and_calls_nothing(
    tmp_path: Path, mock_server: MockServer
) -> None:
    def viewing(_: Mapping[str, str]) -> Person:
        return Person(id="vic", name="Vic", role=Role.VIEWER)

    with RunningGateway(tmp_path, mock_server.url, visitor=viewing) as gateway:
        gateway.workbench.pipelines.save("shout", "upper(word)")
        own = {"Origin": gateway.url}
        body = {"name": "shout", "args": {"word": "hi"}}
        async with aiohttp.ClientSession(headers=own) as session:
            address = f"{gateway.url}/api/pipeline/args?pipeline_name=shout"
            async with session.get(address) as response:
                assert await response.json() == {"success": True, "response": ["word"]}
            address = f"{gateway.url}/api/pipeline/call/"
            async with session.post(address, json=body) as response:
                assert response.status == 403
                assert (await response.json())["success"] is False
        records = await asyncio.to_thread(gateway.usage, 1)
        assert [(each.person, each.status) for each in records] == [("vic", 403)]
