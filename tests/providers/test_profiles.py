"""One model behind several inference profiles, each with its own quota, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import Limits
from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import Message
from prompt_app.engine.callers import Callers
from prompt_app.errors import DeadlineExceededError, EvaluationError, RateLimitedError
from prompt_app.providers import connect
from prompt_app.providers.caching import cache_key
from prompt_app.providers.limiting import AdaptiveLimiter
from prompt_app.providers.patience import Patience
from prompt_app.providers.profiles import Route, Spread, profiles_of
from prompt_app.settings import Settings

SMALL, LARGE = "eu.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"


@pytest.fixture
def settings(mock_process: MockProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Settings(
        data_dir=tmp_path, bedrock_endpoint_url=mock_process.url, aws_region="eu-west-1"
    )


def nova(*profiles: Any) -> ModelSpec:
    options = {"profiles": list(profiles)} if profiles else {}
    return ModelSpec(provider="bedrock", name="amazon.nova-lite-v1:0", options=options)


def ask(model: ModelSpec, number: int = 0) -> GenerationRequest:
    messages = (Message(role="user", content=f"Question {number}"),)
    parameters = InferenceParameters(max_tokens=90)
    return GenerationRequest(model=model, messages=messages, parameters=parameters)


def send(
    model: ModelSpec, calls: int, settings: Settings, **limits: Any
) -> tuple[float, Counter[str]]:
    """The seconds that they took together, and the errors on the way."""
    retried: Counter[str] = Counter()

    async def all_of_them() -> float:
        callers = Callers(settings)
        stack = callers.stack(model, Limits(**limits), lambda kind: retried.update([kind]))
        try:
            await stack.generate(ask(model), 20)
            begun = time.monotonic()
            await asyncio.gather(*(stack.generate(ask(model, n), 20) for n in range(calls)))
            return time.monotonic() - begun
        finally:
            await callers.close()

    return asyncio.run(all_of_them()), retried


def test_every_profile_is_used_to_its_quota_of_requests(
    mock_process: MockProcess, settings: Settings
) -> None:
    mock_process.control(latency_ms=20, requests_per_second_of={SMALL: 22.0, LARGE: 66.0}, burst=15)
    model = nova(
        {"name": SMALL, "requests_per_minute": 20 * 60},
        {"name": LARGE, "requests_per_minute": 60 * 60, "region": "us-east-1"},
    )
    seconds, retried = send(model, 160, settings, max_concurrency=40)
    answered = mock_process.stats()["answered_models"]
    assert sum(answered.values()) == 161
    assert retried == {}
    assert seconds == pytest.approx(160 / 80, rel=0.2)
    assert answered[LARGE] / answered[SMALL] == pytest.approx(3, rel=0.2)


def test_tokens_are_taken_out_of_each_profiles_quota(
    mock_process: MockProcess, settings: Settings
) -> None:
    """The reservation is given back as far as it was not used: what is started at once is what
    the quota has room for."""
    mock_process.control(latency_ms=300)
    model = nova({"name": SMALL, "tokens_per_minute": 6000}, {"name": LARGE})
    _, retried = send(model, 30, settings, max_concurrency=10)
    answered = mock_process.stats()["answered_models"]
    assert retried == {}
    # 6000 tokens a minute are one call of about 100 tokens a second.
    assert 1 <= answered[SMALL] <= 4
    assert answered[LARGE] == 31 - answered[SMALL]


def test_a_profile_that_refuses_leaves_the_calls_to_the_others(
    mock_process: MockProcess, settings: Settings
) -> None:
    """Its quota was not known: it is learned, and nobody waits for its Retry-After."""
    mock_process.control(
        latency_ms=10, requests_per_second_of={SMALL: 0.2}, burst=1, retry_after="auto"
    )
    seconds, retried = send(nova(SMALL, LARGE), 100, settings, max_concurrency=10)
    answered = mock_process.stats()["answered_models"]
    assert answered[LARGE] >= 98
    assert 1 <= retried["rate_limited"] <= 15
    assert seconds < 4


def test_the_runs_own_caps_hold_for_all_profiles_together(
    mock_process: MockProcess, settings: Settings
) -> None:
    mock_process.control(latency_ms=50)
    limits = {"max_concurrency": 3, "requests_per_minute": 40 * 60}
    seconds, _ = send(nova(SMALL, LARGE), 40, settings, **limits)
    assert mock_process.stats()["peak_in_flight"] == 3
    assert seconds >= 40 / 40 * 0.9


class Refusing:
    """A connection that refuses every call."""

    async def generate(self, request: GenerationRequest, timeout: float) -> Any:
        raise RateLimitedError("slow down", retry_after=30)

    async def close(self) -> None:
        pass


def test_a_refusal_tells_to_wait_only_as_long_as_the_first_free_profile_needs() -> None:
    async def refused() -> RateLimitedError:
        whole, limiters = AdaptiveLimiter(9), [AdaptiveLimiter(9), AdaptiveLimiter(9)]
        routes = [Route(nova(), Refusing(), each) for each in limiters]  # type: ignore[arg-type]
        with pytest.raises(RateLimitedError) as first:
            await Spread(routes, whole).generate(ask(nova()), 5)
        assert [each.in_flight for each in (whole, *limiters)] == [0, 0, 0]
        return first.value

    assert asyncio.run(refused()).retry_after == 0


def test_callers_who_give_up_leave_every_line(settings: Settings) -> None:
    async def given_up() -> list[int]:
        limiters = [AdaptiveLimiter(1), AdaptiveLimiter(1)]
        whole = AdaptiveLimiter(9)
        routes = [Route(nova(), connect(nova(), settings), each) for each in limiters]
        slots = [await each.acquire() for each in limiters]
        waiting = asyncio.create_task(Spread(routes, whole).generate(ask(nova()), 5))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for each, slot in zip(limiters, slots, strict=True):
            each.release(slot)
        for route in routes:
            await route.provider.close()
        return [each.in_flight for each in (whole, *limiters)]

    assert asyncio.run(given_up()) == [0, 0, 0]


def test_how_long_a_call_waits_for_a_profile() -> None:
    async def waited() -> list[int]:
        whole, limiters = AdaptiveLimiter(9), [AdaptiveLimiter(1), AdaptiveLimiter(1)]
        routes = [Route(nova(), Refusing(), each) for each in limiters]  # type: ignore[arg-type]
        slots = [await each.acquire() for each in limiters]
        with pytest.raises(DeadlineExceededError, match="No place for a call to bedrock:amazon"):
            await Spread(routes, whole, Patience(within_timeout=True)).generate(ask(nova()), 0.05)
        for each, slot in zip(limiters, slots, strict=True):
            each.refused(slot, retry_after=40)
            each.release(slot)
        with pytest.raises(RateLimitedError) as told:
            await Spread(routes, whole, Patience(hasty=True)).generate(ask(nova()), 60)
        assert told.value.retry_after == pytest.approx(40, abs=5)
        return [each.in_flight for each in (whole, *limiters)]

    assert asyncio.run(waited()) == [0, 0, 0]


def test_profiles_are_no_part_of_what_a_reply_is_stored_under() -> None:
    assert cache_key(ask(nova(SMALL, LARGE))) == cache_key(ask(nova()))


def test_wrong_profiles_are_named(settings: Settings) -> None:
    assert profiles_of(nova()) == ()
    wrong = nova({"name": SMALL, "tokens_per_minute": 0})
    with pytest.raises(EvaluationError, match=r"profiles\.0\.tokens_per_minute"):
        connect(wrong, settings)
