"""An HTTP server that keeps every request and answers what a test tells it to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class Recorded:
    """A request as it came over the wire."""

    path: str
    """Percent-encoded, with the query."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Recorder:
    """``answers`` are given in turn, the last one for ever."""

    url: str = ""
    requests: list[Recorded] = field(default_factory=list)
    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)

    def answer(self, status: int, body: Any, **headers: str) -> None:
        """``body``: bytes as they are, anything else as JSON. ``_`` in header names is ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, body, named))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(Recorded(request.raw_path, request.headers, await request.read()))
        status, body, headers = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(
            status=status, body=content, headers={"Content-Type": "application/json", **headers}
        )


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """A recorder that listens on a free port of this machine."""
    recorder = Recorder()
    runner = web.ServerRunner(web.Server(recorder.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield recorder
    finally:
        await runner.cleanup()
