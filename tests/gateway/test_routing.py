"""How long a call waits for one who may answer it, and when another one is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway.running import RunningGateway
from gateway.test_refusals import ask

from prompt_app.datamodel.serving import ModelRoute, RouteTarget
from prompt_app.providers.mock_server import MockServer

FIRST, OTHER = RouteTarget(model="openai:fixed"), RouteTarget(model="offline:echo")


@pytest.fixture
def narrow(tmp_path: Path, mock_server: MockServer) -> Iterator[RunningGateway]:
    """One call at once to each model."""
    with RunningGateway(tmp_path, mock_server.url, gateway_concurrency=1) as running:
        yield running


def alias(gateway: RunningGateway, timeout: float, *fallbacks: RouteTarget) -> None:
    route = ModelRoute(name="best", targets=(FIRST,), fallbacks=fallbacks, timeout_seconds=timeout)
    gateway.workbench.serving_names.save_alias(route)


async def at_once(
    gateway: RunningGateway, count: int, *, stream: bool = False
) -> tuple[list[str], float]:
    """What the calls came to, and the seconds until the last of them ended."""

    async def one(number: int) -> str:
        messages = [{"role": "user", "content": f"{stream} {number}"}]
        body = {"model": "best", "messages": messages, "stream": stream}
        status, text, headers = await ask(gateway, body=body)
        return headers["x-model"] if status == 200 else f"{status} {text}"

    started = time.monotonic()
    found = await asyncio.gather(*(one(number) for number in range(count)))
    return found, time.monotonic() - started


@pytest.mark.parametrize("stream", [False, True])
async def test_a_timeout_holds_for_the_wait_and_the_call_together(
    narrow: RunningGateway, mock_server: MockServer, stream: bool
) -> None:
    alias(narrow, 0.8)
    mock_server.control(latency_ms=500)
    told, seconds = await at_once(narrow, 5, stream=stream)
    late = [each for each in told if each != "openai:fixed"]
    assert (len(late), {each[:3] for each in late}) == (4, {"504"}), told
    assert any("No answer from openai:fixed within 0.8 s; it took 0." in each for each in late)
    assert seconds < 2, "five times 0.5 s, one after the other"


async def test_who_finds_no_place_goes_to_the_fallback(
    narrow: RunningGateway, mock_server: MockServer
) -> None:
    alias(narrow, 0.3, OTHER)
    mock_server.control(p_hang=1)
    answered, seconds = await at_once(narrow, 5)
    assert set(answered) == {"offline:echo"}
    assert seconds < 0.9


@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_waits_for_a_pause_while_another_one_is_free(
    narrow: RunningGateway, mock_server: MockServer, stream: bool
) -> None:
    alias(narrow, 60, OTHER)
    mock_server.control(p_429=1, retry_after=5)
    for _ in range(2):
        # The first of them asks; the others stand in line then, or come later.
        answered, seconds = await at_once(narrow, 3, stream=stream)
        assert set(answered) == {"offline:echo"}
        assert seconds < 2
    assert mock_server.stats()["received"] == 1


async def test_a_pause_is_waited_for_where_nobody_else_answers(
    narrow: RunningGateway, mock_server: MockServer
) -> None:
    alias(narrow, 60, RouteTarget(model="openai:absent"))
    mock_server.control(models=["fixed"], p_429=1, retry_after=0.6)
    calls = asyncio.create_task(at_once(narrow, 1))
    async with asyncio.timeout(10):
        while mock_server.stats().get("received", 0) < 2:  # one refused the call, then the other
            await asyncio.sleep(0.01)
    mock_server.control(p_429=0)
    answered, seconds = await calls
    assert answered == ["openai:fixed"]
    assert seconds > 0.6
