"""What the adaptive limiter makes of a limited provider, over real sockets.

    python benchmarks/limiter.py [--seconds 20] [--quick]

The mock server in another process allows so many requests a second, or so many at once, and
answers 429 above; the client calls without pause with up to 1000 calls in flight. Shown: answered
calls as a share of what was allowed, refused calls as a share of all, both after a warm-up and
from the first call on.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from prompt_app.datamodel.model import GenerationRequest, ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import RateLimitedError
from prompt_app.providers import connect
from prompt_app.providers.limiting import AdaptiveLimiter, Limited
from prompt_app.providers.mock_server import MockServerOptions, run_mock_server
from prompt_app.settings import Settings

MOST_AT_ONCE = 1000
WARM_UP_SECONDS = 5.0
CPU_CALLS = 20_000


def serve(pipe: Connection, options: MockServerOptions) -> None:
    run_mock_server(options, ready=pipe.send)


async def call_without_pause(url: str, seconds: float) -> tuple[list[float], list[float]]:
    """The times of all answers and of all refusals, from the start."""
    model = ModelSpec(provider="openai", name="fixed", base_url=f"{url}/v1")
    provider = connect(model, Settings())
    limited = Limited(provider, AdaptiveLimiter(MOST_AT_ONCE))
    request = GenerationRequest(model=model, messages=(Message(role="user", content="Hello."),))
    answered: list[float] = []
    refused: list[float] = []
    started = time.monotonic()

    async def caller() -> None:
        while True:
            try:
                await limited.generate(request, 30)
            except RateLimitedError:
                refused.append(time.monotonic() - started)
            else:
                answered.append(time.monotonic() - started)

    callers = [asyncio.create_task(caller()) for _ in range(MOST_AT_ONCE)]
    await asyncio.wait(callers, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in callers:
        task.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await provider.close()
    return answered, refused


def measure(seconds: float, allowed: float, **options: Any) -> None:
    """``allowed``: answers a second that the server can give at most."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(
        target=serve, args=(theirs, MockServerOptions(**options)), daemon=True
    )
    server.start()
    try:
        answered, refused = uvloop.run(call_without_pause(ours.recv(), seconds))
    finally:
        server.terminate()
        server.join()
    shown = ", ".join(f"{name}={value}" for name, value in options.items())
    line = f"{shown:60}"
    for begin in (WARM_UP_SECONDS, 0.0):
        good = sum(at >= begin for at in answered)
        bad = sum(at >= begin for at in refused)
        share = good / (seconds - begin) / allowed
        line += f"  {share:6.1%} answered {bad / max(1, good + bad):6.1%} refused"
    print(line, flush=True)


async def cpu_of_a_call() -> float:
    limiter = AdaptiveLimiter(100)

    async def caller() -> None:
        for _ in range(CPU_CALLS // 100):
            slot = await limiter.acquire()
            await asyncio.sleep(0)
            limiter.succeeded()
            limiter.release(slot)

    async def bare() -> None:
        for _ in range(CPU_CALLS // 100):
            await asyncio.sleep(0)

    costs = []
    for work in (caller, bare):
        started = time.process_time()
        await asyncio.gather(*(work() for _ in range(200)))
        costs.append(time.process_time() - started)
    return (costs[0] - costs[1]) / CPU_CALLS / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--quick", action="store_true", help="a few settings only")
    arguments = parser.parse_args()
    print(f"limiter: {uvloop.run(cpu_of_a_call()) * 1e6:.1f} us of CPU a call")
    print(f"{'':60}  {f'after {WARM_UP_SECONDS:g} s':31}  from the start")
    rates = (20, 200) if arguments.quick else (5, 20, 50, 200, 500)
    latencies = (100,) if arguments.quick else (20, 100, 1000)
    for rate in rates:
        for latency in latencies:
            for retry_after in (None, "auto"):
                limits = {"requests_per_second": rate, "retry_after": retry_after}
                measure(arguments.seconds, rate, latency_ms=latency, **limits)
    for most in (20, 100):
        for latency in latencies:
            allowed = most / (latency / 1000)
            limits = {"max_concurrency": most, "retry_after": None}
            measure(arguments.seconds, allowed, latency_ms=latency, **limits)


if __name__ == "__main__":
    main()
