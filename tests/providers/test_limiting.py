"""Slots, caps and what is learned, on a real event loop and over real sockets."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest
from mock_process import MockProcess

from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Output,
    Reply,
    TokenUsage,
)
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    RateLimitedError,
    ServerError,
)
from prompt_app.providers import connect
from prompt_app.providers.limiting import AdaptiveLimiter, Limited
from prompt_app.settings import Settings

REQUEST = GenerationRequest(
    model=ModelSpec(provider="offline", name="echo"),
    messages=(Message(role="user", content="x"),),
)
REPLY = Reply(outputs=(Output(text="x"),), usage=TokenUsage(input=10, output=5))
Action = Callable[[], Awaitable[Reply]]


class Acting:
    """A provider that does as it is told, and watches how many calls it has at once."""

    def __init__(self, action: Action) -> None:
        self.action = action
        self.now = 0
        self.most = 0
        self.started: list[float] = []

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        self.started.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            async with asyncio.timeout(timeout):
                return await self.action()
        except TimeoutError:
            raise DeadlineExceededError("late") from None
        finally:
            self.now -= 1

    async def close(self) -> None:
        pass


async def reply_soon() -> Reply:
    await asyncio.sleep(0.005)
    return REPLY


async def test_never_more_at_once_than_the_maximum() -> None:
    provider = Acting(reply_soon)
    limiter = AdaptiveLimiter(7)
    limited = Limited(provider, limiter)
    replies = await asyncio.gather(*(limited.generate(REQUEST, 5) for _ in range(100)))
    assert len(replies) == 100
    assert provider.most == 7
    assert limiter.in_flight == 0
    assert limiter.concurrency == 7


async def test_callers_go_in_order_of_arrival() -> None:
    limiter = AdaptiveLimiter(1)
    order: list[int] = []

    async def caller(number: int) -> None:
        slot = await limiter.acquire()
        order.append(number)
        await asyncio.sleep(0)
        limiter.release(slot)

    await asyncio.gather(*(caller(number) for number in range(50)))
    assert order == list(range(50))


@pytest.mark.parametrize("seed", range(4))
async def test_no_slot_leaks_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)

    async def anything() -> Reply:
        await asyncio.sleep(chance.random() * 0.01)
        outcome = chance.randrange(1, 7)
        if chance.random() < 0.03:
            raise RateLimitedError("slow down", retry_after=chance.choice([None, 0.01]))
        if outcome == 1:
            raise ServerError("broken", status=500)
        if outcome == 2:
            raise ConnectionFailedError("reset")
        if outcome == 3:
            raise ValueError("a bug")
        if outcome == 4:
            await asyncio.sleep(60)
        return REPLY

    limiter = AdaptiveLimiter(9, tokens_per_minute=6_000_000, requests_per_minute=600_000)
    limited = Limited(Acting(anything), limiter)
    tasks = [asyncio.create_task(limited.generate(REQUEST, 0.02)) for _ in range(200)]

    async def cancel_some() -> None:
        for _ in range(100):
            await asyncio.sleep(chance.random() * 0.004)
            chance.choice(tasks).cancel()

    canceller = asyncio.create_task(cancel_some())
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks, return_exceptions=True)
    await canceller
    assert all(task.done() for task in tasks)
    assert any(task.cancelled() for task in tasks)
    assert limiter.in_flight == 0
    async with asyncio.timeout(5):
        limiter.release(await limiter.acquire())


async def test_a_slot_granted_in_the_moment_of_cancellation_comes_back() -> None:
    limiter = AdaptiveLimiter(1)
    first = await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0)
    limiter.release(first)
    assert limiter.in_flight == 1, "granted, although its task has not run yet"
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert limiter.in_flight == 0


async def test_a_cancelled_caller_at_the_head_does_not_hold_up_the_rest() -> None:
    limiter = AdaptiveLimiter(1)
    first = await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    limiter.release(first)
    async with asyncio.timeout(1):
        limiter.release(await waiting[1])
        limiter.release(await waiting[2])
    assert limiter.in_flight == 0


async def test_everyone_waits_out_retry_after() -> None:
    refusals = iter([0.3])

    async def refuse_once() -> Reply:
        for retry_after in refusals:
            raise RateLimitedError("slow down", retry_after=retry_after)
        return REPLY

    provider = Acting(refuse_once)
    limited = Limited(provider, AdaptiveLimiter(4))
    with pytest.raises(RateLimitedError):
        await limited.generate(REQUEST, 5)
    refused_at = time.monotonic()
    await asyncio.gather(*(limited.generate(REQUEST, 5) for _ in range(10)))
    assert min(provider.started[1:]) - refused_at >= 0.29


def test_a_part_shrinks_at_once_and_grows_when_told_twice() -> None:
    limiter = AdaptiveLimiter(12)
    parts = []
    for workers in (3, 2, 3, 1, 1, 50):
        limiter.share(workers)
        parts.append(limiter.concurrency)
    assert parts == [4, 4, 4, 4, 12, 1]


async def test_requests_per_minute_are_spread_evenly() -> None:
    provider = Acting(reply_soon)
    limited = Limited(provider, AdaptiveLimiter(50, requests_per_minute=6000))
    await asyncio.gather(*(limited.generate(REQUEST, 5) for _ in range(60)))
    took = provider.started[-1] - provider.started[0]
    assert took >= (60 - 12) / 100, "a tenth of a second's worth may come at once"


async def test_tokens_per_minute_are_reserved_and_corrected() -> None:
    """A call reserves 8 + 992 tokens and takes 15: after each reply nearly all come back."""
    provider = Acting(reply_soon)
    parameters = InferenceParameters(max_tokens=992)
    request = REQUEST.model_copy(update={"parameters": parameters})

    async def seconds(tokens_per_minute: float, calls: int) -> float:
        limiter = AdaptiveLimiter(1, tokens_per_minute=tokens_per_minute)
        limited = Limited(provider, limiter)
        started = time.monotonic()
        for _ in range(calls):
            await limited.generate(request, 5)
        return time.monotonic() - started

    # 15 tokens a call at 600 a second: as good as free, had the reservation not come back each
    # call would cost 1.7 s.
    assert await seconds(36_000, 10) < 1.5
    # 15 tokens a call at 50 a second.
    assert await seconds(3_000, 4) >= 3 * 15 / 50 - 0.1 - 0.02


async def test_a_refused_call_costs_no_tokens() -> None:
    async def refuse() -> Reply:
        raise RateLimitedError("slow down")

    limited = Limited(Acting(refuse), AdaptiveLimiter(4, tokens_per_minute=60))
    async with asyncio.timeout(2):
        for _ in range(3):
            with pytest.raises(RateLimitedError):
                await limited.generate(REQUEST, 5)


async def test_a_call_costs_little_cpu() -> None:
    async def calls(limiter: AdaptiveLimiter | None) -> None:
        for _ in range(40):
            slot = None if limiter is None else await limiter.acquire()
            await asyncio.sleep(0)
            if limiter is not None and slot is not None:
                limiter.succeeded()
                limiter.release(slot)

    costs: list[float] = []
    for _ in range(5):
        limiter = AdaptiveLimiter(50)
        times = []
        for used in (limiter, None):
            started = time.process_time()
            await asyncio.gather(*(calls(used) for _ in range(50)))
            times.append(time.process_time() - started)
        costs.append((times[0] - times[1]) / 2000)
    assert min(costs) < 30e-6


async def call_for(seconds: float, url: str, most: int) -> tuple[list[float], list[float]]:
    """Times of the answers and of the refusals, without a pause between calls."""
    model = ModelSpec(provider="openai", name="fixed", base_url=f"{url}/v1")
    provider = connect(model, Settings(_env_file=None))
    limited = Limited(provider, AdaptiveLimiter(most))
    request = GenerationRequest(model=model, messages=(Message(role="user", content="x"),))
    answered: list[float] = []
    refused: list[float] = []
    began = time.monotonic()

    async def caller() -> None:
        while True:
            try:
                await limited.generate(request, 20)
            except RateLimitedError:
                refused.append(time.monotonic() - began)
            else:
                answered.append(time.monotonic() - began)

    callers = [asyncio.create_task(caller()) for _ in range(most)]
    await asyncio.wait(callers, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in callers:
        task.cancel()
    ended = await asyncio.gather(*callers, return_exceptions=True)
    await provider.close()
    failures = [error for error in ended if not isinstance(error, asyncio.CancelledError)]
    assert not failures
    return answered, refused


@pytest.mark.parametrize(("rate", "latency_ms"), [(20, 50), (60, 200)])
async def test_a_limited_rate_over_real_sockets(
    mock_process: MockProcess, rate: float, latency_ms: float
) -> None:
    mock_process.control(requests_per_second=rate, latency_ms=latency_ms, retry_after=None)
    seconds, warm_up = 9.0, 4.0
    answered, refused = await call_for(seconds, mock_process.url, most=200)
    good = sum(at >= warm_up for at in answered)
    bad = sum(at >= warm_up for at in refused)
    assert good / (seconds - warm_up) >= 0.85 * rate
    assert bad <= 0.1 * (good + bad)


async def test_a_limited_concurrency_over_real_sockets(mock_process: MockProcess) -> None:
    mock_process.control(max_concurrency=10, latency_ms=200, retry_after=None)
    seconds, warm_up = 9.0, 4.0
    answered, refused = await call_for(seconds, mock_process.url, most=100)
    good = sum(at >= warm_up for at in answered)
    bad = sum(at >= warm_up for at in refused)
    assert good / (seconds - warm_up) >= 0.75 * 10 / 0.2
    assert bad <= 0.1 * (good + bad)
