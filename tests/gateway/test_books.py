"""Usage is written behind the calls; they wait for a database that falls behind."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest
from gateway.running import RunningGateway

from prompt_app.datamodel.serving import ModelRoute, RouteTarget, UsageRecord
from prompt_app.errors import StoreUnavailableError
from prompt_app.interfaces import StoredReply
from prompt_app.workbench.serving import books

ROOM = 5


class SlowStore:
    """Takes no records until :attr:`goes_on` is set; refuses while :attr:`broken`."""

    def __init__(self, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
        self._store = gateway.workbench.store
        self._write = self._store.write_usage
        self.goes_on = threading.Event()
        self.broken = False
        self.groups: list[int] = []
        monkeypatch.setattr(self._store, "write_usage", self.write)
        monkeypatch.setattr(books, "MOST_WAITING", ROOM)

    def write(self, records: Sequence[UsageRecord], replies: Sequence[StoredReply]) -> None:
        assert self.goes_on.wait(20)
        if self.broken:
            raise StoreUnavailableError("it is locked")
        self.groups.append(len(records))
        self._write(records, replies)


async def ask(gateway: RunningGateway, number: int, model: str = "offline:echo") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": f"Question {number}"}]}
    headers = {"Authorization": f"Bearer {gateway.token}"}
    address = f"{gateway.url}/v1/chat/completions"
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, json=body, headers=headers) as response,
    ):
        await response.read()
        return response.status


async def test_calls_wait_for_a_slow_database_and_nothing_is_lost(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowStore(gateway, monkeypatch)
    assert [await ask(gateway, number) for number in range(ROOM)] == [200] * ROOM
    waiting = [asyncio.create_task(ask(gateway, ROOM + number)) for number in range(20)]
    done, _ = await asyncio.wait(waiting, timeout=0.3)
    assert not done, "there is no room for their records"

    slow.goes_on.set()

    assert await asyncio.gather(*waiting) == [200] * 20
    records = await asyncio.to_thread(gateway.usage, ROOM + 20)
    assert len(records) == len({record.id for record in records}) == ROOM + 20


async def test_a_database_that_stays_away_ends_in_503_after_the_calls_own_timeout(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowStore(gateway, monkeypatch)
    slow.broken = True
    slow.goes_on.set()
    target = RouteTarget(model="offline:echo")
    alias = ModelRoute(name="brief", targets=(target,), timeout_seconds=0.4)
    gateway.workbench.serving_names.save_alias(alias)
    assert [await ask(gateway, number) for number in range(ROOM)] == [200] * ROOM
    started = asyncio.get_running_loop().time()

    assert await ask(gateway, ROOM, "brief") == 503

    assert 0.4 <= asyncio.get_running_loop().time() - started < 2
    slow.broken = False
    assert await ask(gateway, ROOM + 1) == 200
    statuses = Counter(record.status for record in await asyncio.to_thread(gateway.usage, ROOM + 2))
    assert statuses == {200: ROOM + 1, 503: 1}


async def test_bodies_and_replies_in_memory_are_bounded_too(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowStore(gateway, monkeypatch)
    monkeypatch.setattr(books, "MOST_CHARACTERS", 30)
    kept: Any = gateway.app.state.gateway.serving.books
    assert await ask(gateway, 1) == 200
    assert not kept.is_full
    assert await ask(gateway, 2) == 200
    assert await ask(gateway, 3) == 200
    assert kept.is_full
    slow.goes_on.set()
    assert await ask(gateway, 4) == 200
    await asyncio.to_thread(gateway.usage, 4)
    assert not kept.is_full


async def test_a_record_that_cannot_be_stored_keeps_no_other_back(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = gateway.workbench.store
    write = store.write_usage

    def refuse_bad(records: Sequence[UsageRecord], replies: Sequence[StoredReply]) -> None:
        if any(record.model == "offline:fixed" for record in records):
            raise OverflowError("it is too large")
        write(records, replies)

    monkeypatch.setattr(store, "write_usage", refuse_bad)
    models = ["offline:echo"] * 3 + ["offline:fixed"] + ["offline:echo"] * 4
    for number, model in enumerate(models):
        assert await ask(gateway, number, model) == 200
    records = await asyncio.to_thread(gateway.usage, 7)
    assert [record.model for record in records] == ["offline:echo"] * 7
