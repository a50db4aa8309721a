"""What the gateway adds: requests a second, added latency, memory.

    python benchmarks/gateway.py [--requests 30000] [--check]

One gateway process with token check and usage recording on, over an SQLite store of its own; a
backend of OpenAI's protocol in another process; a client that does no more than write requests
and find the ends of responses. ``calls`` are all different; ``hits`` are one call again and again.
Added latency compares each request with the same one sent to the backend itself. Streams are
open while health checks are timed. With ``--check`` it ends with code 1 where a figure misses its
bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import uvloop

REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "fixed",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
}
STREAMS = 200
PIECE_SECONDS = 0.1
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
STREAM_PIECE = f"{len(_EVENT):x}\r\n".encode() + _EVENT + b"\r\n"
SERVE_BACKEND = "import sys; sys.path.insert(0, {folder!r}); import gateway; gateway.backend({ms})"
SERVE_GATEWAY = "from prompt_app.gateway import serve; serve('127.0.0.1', {port})"


class Connection(asyncio.Protocol):
    """Sends a request whenever the response to the last one is whole."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = self._load.next_request()
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        assert b" 200 " in head[:16], self._buffer[:500]
        self._load.seconds.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._send()


class Load:
    """``count`` requests to one server, each with a number of its own unless ``same``."""

    def __init__(
        self, port: int, token: str, count: int, *, same: bool = False, stream: bool = False
    ) -> None:
        self._port, self._token, self._left, self._same = port, token, count, same
        self._more = {"stream": True} if stream else {}
        self._start = time.time_ns()
        self.seconds: list[float] = []

    def next_request(self) -> bytes | None:
        if self._left == 0:
            return None
        self._left -= 1
        number = 0 if self._same else self._start + self._left
        messages = [{"role": "user", "content": f"Ask {number}"}]
        body = json.dumps({"model": "openai:fixed", "messages": messages, **self._more}).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def run(self, connections: int) -> float:
        """Requests a second."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        protocols = []
        for _ in range(connections):
            _, protocol = await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self._port
            )
            protocols.append(protocol)
        await asyncio.gather(*(protocol.done for protocol in protocols))
        return len(self.seconds) / (time.perf_counter() - started)


class Stream(asyncio.Protocol):
    """Opens a stream and reads it; ``begun`` is done at its first piece."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pieces = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.pieces += data.count(b"data: ")
        if self.pieces and not self.begun.done():
            self.begun.set_result(None)


class Backend(asyncio.Protocol):
    """Answers every request with the same reply after ``seconds``; a stream piece by piece, until
    its client leaves."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._buffer = b""
        body = json.dumps(REPLY).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._answer = head.encode() + b"\r\n\r\n" + body

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        if b'"stream":true' in body:
            self._transport.write(STREAM_HEAD)
            self._stream()
        elif self._seconds:
            asyncio.get_running_loop().call_later(self._seconds, self._reply)
        else:
            self._reply()

    def _stream(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(STREAM_PIECE)
            asyncio.get_running_loop().call_later(PIECE_SECONDS, self._stream)

    def _reply(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._answer)


def backend(milliseconds: float) -> None:
    """Serve until ended; prints the port."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Backend(milliseconds / 1000), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()

    uvloop.run(main())


def start_backend(milliseconds: float) -> tuple[subprocess.Popen[str], int]:
    code = SERVE_BACKEND.format(folder=str(Path(__file__).parent), ms=milliseconds)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def start_gateway(folder: Path, backend_port: int) -> tuple[subprocess.Popen[bytes], int, str]:
    """The process, its port and a token, limited so that the limits are checked."""
    port = free_port()
    environment = {
        **os.environ,
        "PROMPT_APP_DATA_DIR": str(folder),
        "OPENAI_API_KEY": "sk-benchmark-0123456789",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{backend_port}/v1",
        "LOG_LEVEL": "WARNING",
    }
    made = subprocess.run(
        [sys.executable, "-m", "prompt_app.cli", "tokens", "create", "benchmark",
         "--requests-per-minute", "10000000"],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE_GATEWAY.format(port=port)], env=environment
    )
    wait_for(port)
    return process, port, made.stdout.strip()


def free_port() -> int:
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_for(port: int) -> None:
    import socket

    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the gateway did not start")


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] * 1000


async def added(port: int, backend_port: int, token: str, count: int) -> tuple[float, float]:
    """Milliseconds that the gateway adds to the median and to the 99th percentile."""
    direct = Load(backend_port, token, count)
    await direct.run(8)
    through = Load(port, token, count)
    await through.run(8)
    p50 = (statistics.median(through.seconds) - statistics.median(direct.seconds)) * 1000
    return p50, percentile(through.seconds, 0.99) - percentile(direct.seconds, 0.99)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number and its bound: at least ``least``, or at most ``most``."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    def __str__(self) -> str:
        bound = ""
        if self.least is not None:
            bound = f"at least {self.least:g}"
        elif self.most is not None:
            bound = f"at most {self.most:g}"
        number = f"{self.value:.0f}" if self.value >= 100 else f"{self.value:.2f}"
        note = "" if self.holds else "   MISSED"
        return f"{self.name:38}{number:>8} {self.unit:12} {bound}{note}"


async def health_beside_streams(port: int, token: str) -> float:
    """Milliseconds of the slowest of 50 health checks while the streams are open."""
    loop = asyncio.get_running_loop()
    load = Load(port, token, STREAMS, stream=True)
    streams = []
    for _ in range(STREAMS):
        request = load.next_request()
        assert request is not None
        _, stream = await loop.create_connection(lambda r=request: Stream(r), "127.0.0.1", port)
        streams.append(stream)
    await asyncio.wait_for(asyncio.gather(*(stream.begun for stream in streams)), 30)
    before = sum(stream.pieces for stream in streams)
    slowest = 0.0
    for _ in range(50):
        started = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b" 200 " in (await reader.read())[:16]
        slowest = max(slowest, time.perf_counter() - started)
        writer.close()
        await asyncio.sleep(0.05)
    assert sum(stream.pieces for stream in streams) > before + 10 * STREAMS, "they did not go on"
    for stream in streams:
        stream.transport.close()
    return slowest * 1000


async def measure(folder: Path, count: int) -> list[Figure]:
    fast, fast_port = start_backend(0)
    slow, slow_port = start_backend(50)
    processes: list[subprocess.Popen[str] | subprocess.Popen[bytes]] = [fast, slow]
    try:
        gateway, port, token = start_gateway(folder / "fast", fast_port)
        processes.append(gateway)
        await Load(port, token, 200).run(64)
        direct = await Load(fast_port, token, count).run(64)
        calls = await Load(port, token, count).run(64)
        await Load(port, token, 1, same=True).run(1)
        hits = await Load(port, token, 2 * count, same=True).run(64)
        health = await health_beside_streams(port, token)
        memory = psutil.Process(gateway.pid).memory_info().rss / 2**20
        other, other_port, other_token = start_gateway(folder / "slow", slow_port)
        processes.append(other)
        await Load(other_port, other_token, 80).run(8)
        p50, p99 = await added(other_port, slow_port, other_token, 800)
        return [
            Figure("backend alone, 64 connections", direct, "requests/s"),
            Figure("calls, 64 connections", calls, "requests/s", least=1500),
            Figure("stored replies, 64 connections", hits, "requests/s", least=3000),
            Figure(f"slowest health check, {STREAMS} open streams", health, "ms", most=100),
            Figure("memory after them", memory, "MB", most=250),
            Figure("added at 50 ms, 8 connections: p50", p50, "ms", most=2),
            Figure("                               p99", p99, "ms", most=10),
        ]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=30_000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = uvloop.run(measure(Path(folder), options.requests))
    print(*figures, sep="\n")
    if options.check and not all(figure.holds for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
