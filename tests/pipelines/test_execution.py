"""Steps are called in the right order, independent ones at once, and every one leaves a trace."""

from __future__ import annotations

import asyncio
import time
from datetime import date
from typing import Any

import pytest
from pipelines.making import bracketing, checked, failure, run, value

from prompt_app.datamodel.model import GenerationRequest
from prompt_app.errors import (
    AuthenticationError,
    DeadlineExceededError,
    FunctionError,
    PipelineError,
    ProviderError,
    RateLimitedError,
    ServerError,
    UnsupportedParameterError,
)
from prompt_app.interfaces.pipelines import StepReply
from prompt_app.pipelines.execution import Execution


def test_what_one_step_gives_is_what_the_next_one_takes() -> None:
    assert value("p1(a1=p1(a1=arg))", arg="q") == "<Say <Say q>>"
    assert value("prompt_buddy(buddy=buddy_arg)", buddy_arg="Ann") == "<Hello Ann>"
    assert value("two(b=x, a=upper(y))", x="1", y="z") == "<Z and 1>"


def test_values_are_converted_by_the_type_hints() -> None:
    assert value("truncate(a, n)", a=[1, 2], n=" 3 ") == "[1…"
    assert value("count(items)", items="- a\n\n- b") == 2
    assert value("count(items)", items="```json\n[1, 2, 3]\n```") == 3
    assert value("join(items, '+')", items=[1, True, None, {"a": 1}]) == '1+true++{"a": 1}'
    assert value("add_days(day, '2')", day="2026-02-27") == date(2026, 3, 1).isoformat()
    assert value("days_between(add_days(d, 5), d)", d="2026-02-27") == -5
    assert value("contains('Ab', 'b', ignore_case='no')") is True
    assert value("upper(x)", x=None) == ""


def test_independent_steps_run_at_once() -> None:
    running = most = 0

    async def slow(request: GenerationRequest) -> StepReply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return await bracketing(request)

    done = run("concat(p1(a), p1(p1(b)), join([p1(a), p1(b)]))", {"a": "1", "b": "2"}, ask=slow)
    assert most == 4
    assert done.seconds < 0.2
    assert done.usage.total == 20
    assert done.cost_usd == pytest.approx(0.05)


def test_every_step_is_traced() -> None:
    seen: list[tuple[str, str]] = []
    execution = Execution(
        checked("concat(upper(a), p1(a), 'x')"),
        bracketing,
        lambda step: seen.append((step.name, step.state)),
    )
    done = asyncio.run(execution.run({"a": "q"}, 10))
    root, upper, prompt = done.steps
    assert root.inputs == {"parts 1": "Q", "parts 2": "<Say q>", "parts 3": "x"}
    assert root.output == done.output == "Q<Say q>x"
    assert (upper.inputs, upper.output, upper.parent) == ({"text": "q"}, "Q", 0)
    assert (prompt.model, prompt.usage.total, prompt.cost_usd) == ("offline:echo", 4, 0.01)
    assert all(step.state == "done" and step.seconds is not None for step in done.steps)
    assert seen[0][1] == "running"
    assert seen[-1] == ("concat", "done")


def test_a_step_that_fails_says_which_and_stops_the_others() -> None:
    cancelled = []

    async def hanging(request: GenerationRequest) -> StepReply:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(request)
            raise
        raise AssertionError("unreachable")

    done = run("concat(p1(a),\n  item([a], number=upper('2')))", {"a": "1"}, ask=hanging)
    assert str(done.error) == "item (line 2, column 3): There is no item 2: the list has 1."
    assert [step.state for step in done.steps] == ["waiting", "cancelled", "failed", "done"]
    assert len(cancelled) == 1


def test_a_provider_error_keeps_its_kind() -> None:
    async def down(request: GenerationRequest) -> StepReply:
        raise ServerError("It is down.", status=503)

    async def locked(request: GenerationRequest) -> StepReply:
        raise AuthenticationError("There is no key.")

    failed = run("upper(p1(a))", {"a": "1"}, ask=down).error
    assert isinstance(failed, ServerError)
    assert str(failed) == "p1 (column 7): It is down."
    assert isinstance(run("p1(a)", {"a": "1"}, ask=locked).error, AuthenticationError)


def test_an_error_that_pipelines_share_names_one_place_in_each() -> None:
    shared = RateLimitedError("It is busy.", retry_after=7)
    unsupported = UnsupportedParameterError("It takes no seed.", parameter="seed")
    for error in (shared, unsupported):

        async def refused(request: GenerationRequest, error: ProviderError = error) -> StepReply:
            raise error

        said = str(error)
        for text, place in (("upper(p1(a))", "column 7"), ("p1(a)", "column 1")):
            failed = run(text, {"a": "1"}, ask=refused).error
            assert str(failed) == f"p1 ({place}): {said}"
            assert vars(failed) == vars(error)
        assert str(error) == said


def test_the_whole_call_has_a_deadline() -> None:
    async def hanging(request: GenerationRequest) -> StepReply:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    done = asyncio.run(Execution(checked("p1(a)"), hanging).run({"a": "1"}, 0.05))
    assert isinstance(done.error, DeadlineExceededError)
    assert (done.state, done.steps[0].state) == ("failed", "cancelled")


def test_a_cancelled_call_stops_its_steps() -> None:
    started = asyncio.Event()

    async def hanging(request: GenerationRequest) -> StepReply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def main() -> Execution:
        execution = Execution(checked("upper(p1(a))"), hanging)
        task = asyncio.create_task(execution.run({"a": "1"}, 10))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return execution

    assert [step.state for step in asyncio.run(main()).steps] == ["waiting", "cancelled"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "needs a and b; its arguments are a, b"),
        ({"a": 1}, "needs b"),
        ({"a": 1, "bb": 2}, "no argument bb; its arguments are a, b"),
    ],
)
def test_wrong_arguments_call_nothing(arguments: dict[str, Any], says: str) -> None:
    async def never(request: GenerationRequest) -> StepReply:
        raise AssertionError("called")

    with pytest.raises(PipelineError, match=says):
        run("two(a, b)", arguments, ask=never)


def test_an_argument_is_never_looked_at_again() -> None:
    assert value("p1(a)", a="{a1} upper(x)") == "<Say {a1} upper(x)>"
    assert value("upper(a)", a="lower(b)") == "LOWER(B)"


def test_results_cannot_grow_without_bound() -> None:
    doubled = "a"
    for _ in range(30):
        doubled = f"concat({doubled}, 'bb')"
    assert len(value(doubled, a="x")) == 61
    grown = "replace(replace(a, 'x', a), 'x', a)"
    assert "longer than" in failure(grown, a="x" * 1200)
    assert "more than 2,000,000" in failure("concat(a, a)", a="x" * 1_500_000)


def test_a_pattern_that_explodes_ends() -> None:
    started = time.monotonic()
    assert "(a+)+" in failure("match(long, '(a+)+$')", long="a" * 5000 + "b")
    assert time.monotonic() - started < 5
    assert "malformed" in failure("find_all('x', '(')")


def test_a_function_error_names_the_value() -> None:
    error = run("truncate(a, n)", {"a": "x", "n": "many"}).error
    assert isinstance(error, FunctionError)
    assert "characters must be int" in str(error)
    assert "It got 'many'." in str(error)
