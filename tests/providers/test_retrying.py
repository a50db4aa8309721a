"""How often and how long a call is tried."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import pytest
from pydantic import SecretStr

from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Output, Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    AuthenticationError,
    ConnectionFailedError,
    ContentFilteredError,
    DeadlineExceededError,
    MalformedReplyError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
    TransientError,
    UnsupportedParameterError,
)
from prompt_app.providers import connect
from prompt_app.providers.limiting import AdaptiveLimiter, Limited
from prompt_app.providers.mock_server import MockServer
from prompt_app.providers.retrying import Retrying, Waits
from prompt_app.settings import Settings

REQUEST = GenerationRequest(
    model=ModelSpec(provider="offline", name="echo"),
    messages=(Message(role="user", content="x"),),
)
REPLY = Reply(outputs=(Output(text="x"),))
QUICK = Waits(base=0.001, longest=0.01)


class Failing:
    """Raises the errors in turn, then replies."""

    def __init__(self, errors: Iterable[ProviderError]) -> None:
        self._errors = iter(errors)
        self.called_at: list[float] = []
        self.timeouts: list[float] = []
        self.closed = 0

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        self.called_at.append(time.monotonic())
        self.timeouts.append(timeout)
        for error in self._errors:
            raise error
        return REPLY

    async def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    "error",
    [
        ServerError("x"),
        ConnectionFailedError("x"),
        DeadlineExceededError("x"),
        MalformedReplyError("x"),
    ],
)
async def test_a_transient_failure_is_mended(error: TransientError) -> None:
    kinds: list[str] = []
    provider = Failing([error, error])
    retrying = Retrying(provider, 3, kinds.append, QUICK)
    assert await retrying.generate_counted(REQUEST, 7) == (REPLY, 3)
    assert kinds == [error.kind] * 2
    assert provider.timeouts == [7] * 3


async def test_it_is_given_up_after_so_many_attempts() -> None:
    kinds: list[str] = []
    provider = Failing(ServerError(str(n)) for n in range(99))
    with pytest.raises(ServerError, match="3") as caught:
        await Retrying(provider, 4, kinds.append, QUICK).generate(REQUEST, 7)
    assert caught.value.attempts == 4
    assert len(provider.called_at) == 4
    assert kinds == ["server"] * 3, "the last failure is not tried again"


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("x"),
        QuotaExhaustedError("x"),
        ContentFilteredError("x"),
        UnsupportedParameterError("x", parameter="top_k"),
    ],
)
async def test_what_no_retry_can_mend_passes_at_once(error: ProviderError) -> None:
    provider = Failing([ServerError("first"), error])
    with pytest.raises(type(error)) as caught:
        await Retrying(provider, 9, None, QUICK).generate(REQUEST, 7)
    assert caught.value.attempts == 2
    assert len(provider.called_at) == 2


async def test_refusals_for_the_rate_are_no_attempts() -> None:
    errors: list[ProviderError] = [RateLimitedError("slow down") for _ in range(4)]
    provider = Failing([*errors, ServerError("x"), *errors])
    assert await Retrying(provider, 2, None, QUICK).generate_counted(REQUEST, 7) == (REPLY, 10)


async def test_retry_after_is_waited_out() -> None:
    provider = Failing([RateLimitedError("slow down", retry_after=0.2)])
    await Retrying(provider, 1, None, QUICK).generate(REQUEST, 7)
    first, second = provider.called_at
    assert 0.2 <= second - first < 2


async def test_refusals_are_given_up_in_time() -> None:
    waits = Waits(rate_limited=0.3)
    provider = Failing(RateLimitedError("slow down") for _ in range(10_000))
    started = time.monotonic()
    with pytest.raises(RateLimitedError) as caught:
        await Retrying(provider, 1, None, waits).generate(REQUEST, 7)
    assert time.monotonic() - started < 2
    assert caught.value.attempts == len(provider.called_at) > 1
    far = Failing([RateLimitedError("slow down", retry_after=3600)])
    with pytest.raises(RateLimitedError):
        await Retrying(far, 1, None, waits).generate(REQUEST, 7)
    assert len(far.called_at) == 1


async def test_the_whole_call_has_a_deadline() -> None:
    waits = Waits(base=0.05, longest=0.05, total=0.3)
    provider = Failing(ServerError("x") for _ in range(10_000))
    started = time.monotonic()
    with pytest.raises(ServerError):
        await Retrying(provider, 1000, None, waits).generate(REQUEST, 7)
    assert time.monotonic() - started < 2
    assert len(provider.called_at) > 3


async def test_the_jitter_is_full() -> None:
    """Waits spread over the whole range, so that callers who failed together come back apart."""

    async def wait() -> float:
        provider = Failing([ServerError("x")])
        await Retrying(provider, 2, None, Waits(base=0.2)).generate(REQUEST, 7)
        return provider.called_at[1] - provider.called_at[0]

    waited = sorted(await asyncio.gather(*(wait() for _ in range(200))))
    assert waited[20] < 0.08
    assert waited[180] > 0.15
    assert waited[190] < 0.5


async def test_a_cancelled_call_is_not_tried_again() -> None:
    provider = Failing(ServerError("x") for _ in range(99))
    task = asyncio.create_task(Retrying(provider, 99, None, Waits(base=30)).generate(REQUEST, 7))
    async with asyncio.timeout(5):
        while not provider.called_at:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(provider.called_at) <= 2


async def test_a_bug_passes_as_it_is() -> None:
    class Broken(Failing):
        async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
            raise KeyError("bug")

    with pytest.raises(KeyError):
        await Retrying(Broken([]), 5, None, QUICK).generate(REQUEST, 7)


async def test_close_is_passed_on() -> None:
    provider = Failing([])
    await Retrying(Limited(provider, AdaptiveLimiter(1)), 1).close()
    assert provider.closed == 1


async def test_every_call_comes_through_a_faulty_server(mock_server: MockServer) -> None:
    """The whole stack over real sockets: refusals, failures, resets, truncated and malformed
    replies; every sample is answered, and the counts on both sides agree."""
    mock_server.control(
        p_429=0.1, p_500=0.1, p_reset=0.05, p_truncate=0.05, p_malformed=0.05, record="text"
    )
    model = ModelSpec(provider="openai", name="echo", base_url=f"{mock_server.url}/v1")
    settings = Settings(_env_file=None, openai_api_key=SecretStr("any"))
    provider = connect(model, settings)
    kinds: list[str] = []
    limiter = AdaptiveLimiter(20)
    retrying = Retrying(Limited(provider, limiter), 12, kinds.append, QUICK)

    async def call(number: int) -> tuple[Reply, int]:
        message = Message(role="user", content=f"sample {number}")
        request = GenerationRequest(model=model, messages=(message,))
        return await retrying.generate_counted(request, 10)

    outcomes = await asyncio.gather(*(call(number) for number in range(200)))
    await retrying.close()
    assert [reply.text for reply, _ in outcomes] == [f"sample {n}" for n in range(200)]
    stats = mock_server.stats()
    assert stats["answered"] == 200
    assert set(stats["answered_prompts"].values()) == {1}
    assert sum(made for _, made in outcomes) == stats["received"] == 200 + len(kinds)
    assert kinds.count("rate_limited") == stats["refused_429"]
    assert kinds.count("server") == stats["failed_500"]
    assert kinds.count("connection_failed") == stats["reset"]
    assert kinds.count("malformed_reply") == stats["truncated"] + stats["malformed"]
    assert limiter.in_flight == 0
