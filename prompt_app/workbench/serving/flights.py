"""One call for all that ask the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from prompt_app.datamodel.model import Reply, ReplyDelta, ReplyEvent

Events = AsyncGenerator[ReplyEvent, None]


class Flight:
    """A call under way. It goes on as long as somebody waits for it."""

    def __init__(self, events: Events) -> None:
        self._pieces: list[ReplyDelta] = []
        self._reply: Reply | None = None
        self._error: BaseException | None = None
        self._grown: list[asyncio.Future[None]] = []
        self.has_payer = False
        """Whether one of those who wait pays for the call."""
        self._passengers = 0
        self._abandoned = False
        self._task = asyncio.create_task(self._fly(events))

    @property
    def open(self) -> bool:
        """Whether one more may join."""
        return not (self._abandoned or self._task.done())

    @property
    def goes_on(self) -> bool:
        """Whether somebody waits for a call that has not ended."""
        return self.open and self._passengers > 0

    def when_done(self, call: Callable[[], None]) -> None:
        self._task.add_done_callback(lambda _: call())

    async def events(self) -> AsyncGenerator[ReplyEvent, None]:
        """All pieces from the first on, then the reply. Raises what the call raised."""
        self._passengers += 1
        seen = 0
        try:
            while True:
                while seen < len(self._pieces):
                    yield self._pieces[seen]
                    seen += 1
                if self._reply is not None:
                    yield self._reply
                    return
                if self._error is not None:
                    raise self._error
                future = asyncio.get_running_loop().create_future()
                self._grown.append(future)
                await future
        finally:
            self._leave()

    async def reply(self) -> Reply:
        """The reply once it is there. Raises what the call raised."""
        self._passengers += 1
        try:
            while self._reply is None:
                if self._error is not None:
                    raise self._error
                future = asyncio.get_running_loop().create_future()
                self._grown.append(future)
                await future
            return self._reply
        finally:
            self._leave()

    def _leave(self) -> None:
        self._passengers -= 1
        if self._passengers == 0:
            self._abandoned = True
            self._task.cancel()

    async def _fly(self, events: Events) -> None:
        try:
            async for event in events:
                if isinstance(event, Reply):
                    self._reply = event
                else:
                    self._pieces.append(event)
                self._tell()
        except BaseException as error:
            self._error = error
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            await events.aclose()
            self._tell()

    def _tell(self) -> None:
        grown, self._grown = self._grown, []
        for future in grown:
            if not future.done():
                future.set_result(None)


class Flights:
    """The calls under way, by key."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}

    def join(self, key: str, start: Callable[[], Events]) -> Flight:
        """The call with ``key`` that is under way, or a new one."""
        flight = self._flights.get(key)
        if flight is not None and flight.open:
            return flight
        started = self._flights[key] = Flight(start())
        started.when_done(lambda: self._forget(key, started))
        return started

    def _forget(self, key: str, flight: Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
