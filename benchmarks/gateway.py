"""What the gateway adds: requests a second, added latency, memory.

    python benchmarks/gateway.py

One gateway process with token check and usage recording on, over an SQLite store of its own; a
backend of OpenAI's protocol in another process; a client that does no more than write requests
and find the ends of responses. ``calls`` are all different; ``hits`` are one call again and again.
Added latency compares each request with the same one sent to the backend itself.
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

    def __init__(self, port: int, token: str, count: int, *, same: bool = False) -> None:
        self._port, self._token, self._left, self._same = port, token, count, same
        self._start = time.time_ns()
        self.seconds: list[float] = []

    def next_request(self) -> bytes | None:
        if self._left == 0:
            return None
        self._left -= 1
        number = 0 if self._same else self._start + self._left
        body = json.dumps(
            {"model": "openai:fixed", "messages": [{"role": "user", "content": f"Ask {number}"}]}
        ).encode()
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


class Backend(asyncio.Protocol):
    """Answers every request with the same reply after ``seconds``."""

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
        if self._seconds:
            asyncio.get_running_loop().call_later(self._seconds, self._reply)
        else:
            self._reply()

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


async def measure(folder: Path, count: int) -> None:
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
        memory = psutil.Process(gateway.pid).memory_info().rss / 2**20
        print(f"backend alone, 64 connections        {direct:8.0f} requests/s")
        print(f"calls, 64 connections                {calls:8.0f} requests/s   (at least 1500)")
        print(f"stored replies, 64 connections       {hits:8.0f} requests/s   (at least 3000)")
        print(f"memory after them                    {memory:8.0f} MB           (at most 250)")
        other, other_port, other_token = start_gateway(folder / "slow", slow_port)
        processes.append(other)
        await Load(other_port, other_token, 80).run(8)
        p50, p99 = await added(other_port, slow_port, other_token, 800)
        print(f"added at 50 ms, 8 connections: p50   {p50:8.2f} ms           (at most 2)")
        print(f"                               p99   {p99:8.2f} ms           (at most 10)")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder), options.requests))


if __name__ == "__main__":
    main()
