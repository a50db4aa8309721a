"""How many requests a second the mock server answers, and what a request costs it.

    python benchmarks/mock_server.py [--seconds 5] [--connections 100] [--check]

With --check it fails where ``fixed`` or ``echo`` answers fewer than 3,000 requests a second.

The server runs in a process of its own. The load comes from bare sockets, each of which sends its
next request when the last reply is there: a complete HTTP client would be slower than the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import cast

import psutil
import uvloop

from prompt_app.providers.mock_server import MockServerOptions, run_mock_server

WARM_UP_SECONDS = 0.5
LEAST_RATE = 3_000


def serve(pipe: Connection, latency_ms: float) -> None:
    run_mock_server(MockServerOptions(latency_ms=latency_ms), ready=pipe.send)


class Caller(asyncio.Protocol):
    """Sends the same request again and again over one connection."""

    answered = 0

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._missing = -1
        self._head = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._head += data
            head, separator, rest = self._head.partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 200"), head
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._missing = int(length)
            data = rest
        self._missing -= len(data)
        if self._missing <= 0 and self._transport is not None:
            Caller.answered += 1
            self._missing, self._head = -1, b""
            self._transport.write(self._request)


def make_request(host: str, model: str, prompt: str) -> bytes:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": prompt}]})
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer none\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def load(url: str, request: bytes, connections: int, seconds: float, pid: int) -> float:
    """Print and return the requests a second."""
    host, _, port = url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(request), host, int(port))
    await asyncio.sleep(WARM_UP_SECONDS)
    process = psutil.Process(pid)
    cpu, answered, started = sum(process.cpu_times()[:2]), Caller.answered, time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - started
    done = Caller.answered - answered
    used = sum(process.cpu_times()[:2]) - cpu
    print(
        f"{done / took:8.0f} requests/s, {used / max(done, 1) * 1e6:6.0f} us of server CPU each, "
        f"{process.memory_info().rss / 2**20:5.0f} MB"
    )
    return done / took


def measure(
    name: str, model: str, prompt: str, latency_ms: float, options: argparse.Namespace
) -> float:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs, latency_ms), daemon=True)
    server.start()
    url = ours.recv()
    print(f"{name:28}", end="", flush=True)
    request = make_request(url.removeprefix("http://"), model, prompt)
    try:
        return uvloop.run(load(url, request, options.connections, options.seconds, server.pid or 0))
    finally:
        server.terminate()
        server.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    passage = "The mill stands in Arden. It was built in 1834 by Ada Brown. " * 40
    fixed = measure("fixed", "fixed", "Say OK.", 0, options)
    echo = measure("echo", "echo", "Say this back to me, please.", 0, options)
    measure("fixed, 20 ms latency", "fixed", "Say OK.", 20, options)
    measure("extractive, 2500 characters", "x", f"{passage}\n\nWho built the mill?", 0, options)
    if options.check and min(fixed, echo) < LEAST_RATE:
        raise SystemExit(f"Fewer than {LEAST_RATE:,} requests a second.")


if __name__ == "__main__":
    main()
