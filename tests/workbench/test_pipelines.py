"""Pipelines over a real store, with the offline models and a mock server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.runs import temporary_workbench
from mock_process import MockProcess

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.model import GenerationRequest
from prompt_app.datamodel.pipeline import PipelineCall
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import InputError, PermissionDeniedError, PipelineError, UnknownNameError
from prompt_app.interfaces.pipelines import StepReply
from prompt_app.workbench import Workbench

ECHO = "offline:echo"


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "custom_a.py").write_text("def shout(text: str) -> str:\n    return text + '!'\n")
    return folder


@pytest.fixture
def bench(tmp_path: Path, functions: Path) -> Iterator[Workbench]:
    opened = temporary_workbench(tmp_path, custom_functions=functions)
    opened.save_prompt("hello", PromptTemplate.model_validate("Hello {who}"))
    yield opened
    opened.close()


def call(bench: Workbench, pipeline: str | int, arguments: Any, **options: Any) -> PipelineCall:
    return asyncio.run(bench.pipelines.call(pipeline, arguments, **options))


def test_a_saved_pipeline_is_called_and_traced(bench: Workbench) -> None:
    saved = bench.pipelines.save("greet", "upper(hello(name))", model=ECHO)
    assert bench.pipelines.arguments("greet") == ["name"]
    assert bench.pipelines.arguments(saved.pipeline_id) == ["name"]
    done = call(bench, "greet", {"name": "Ann"})
    assert (done.state, done.output_text) == ("done", "HELLO ANN")
    assert done.usage.total > 0
    (kept,) = bench.pipelines.calls("greet").items
    assert kept == done == bench.pipelines.recorded_call(done.id)
    assert [step.name for step in kept.steps] == ["upper", "hello"]


def test_versions_ids_and_numbers_name_the_same_pipeline(bench: Workbench) -> None:
    first = bench.pipelines.save("greet", "upper(a)")
    bench.pipelines.save("greet", "lower(a)")
    for name, text in [("greet", "lower(a)"), ("greet@1", "upper(a)"), ("1", "lower(a)")]:
        assert bench.pipelines.get(name).text == text
    assert bench.pipelines.get(first.pipeline_id).number == 2
    with pytest.raises(UnknownNameError):
        bench.pipelines.get("greet@newest")


def test_a_stored_reply_is_taken_unless_told_otherwise(bench: Workbench) -> None:
    bench.pipelines.save("greet", "concat(hello(a), hello(a))", model=ECHO)
    first = call(bench, "greet", {"a": "x"})
    assert sorted(step.cached for step in first.steps[1:]) == [False, True]
    again = call(bench, "greet", {"a": "x"})
    assert all(step.cached for step in again.steps[1:])
    assert again.usage.total == 0
    fresh = call(bench, "greet", {"a": "x"}, cache="off")
    assert not any(step.cached for step in fresh.steps)


def test_steps_run_at_once_against_a_server_and_cost_what_they_cost(bench: Workbench) -> None:
    with MockProcess(latency_ms=150) as server:
        settings = bench.settings.model_copy(update={"openai_base_url": f"{server.url}/v1"})
        other = Workbench(settings, bench.store)
        text = ", ".join(f'hello("{n}", model="openai:echo", max_tokens=9)' for n in range(6))
        done = asyncio.run(other.pipelines.call_text(f"concat({text})", {}))
        assert done.error == ""
        assert done.output_text == "".join(f"Hello {n}" for n in range(6))
        assert done.seconds < 0.75
        assert server.stats()["answered"] == 6
        assert done.cost_usd is None, "nobody knows the server's price"
        assert {step.cost_usd for step in done.steps} == {0.0, None}
        again = asyncio.run(other.pipelines.call_text(f"concat({text})", {}))
        assert again.cost_usd == 0.0, "by stored replies"
        server.control(quota_after=0)
        failed = asyncio.run(other.pipelines.call_text('hello(a, model="openai:echo")', {"a": "q"}))
        assert (failed.state, failed.steps[0].state) == ("failed", "failed")
        assert "quota" in failed.error


def test_a_cancelled_call_is_kept_as_cancelled(bench: Workbench) -> None:
    started = asyncio.Event()

    async def hang(request: GenerationRequest) -> StepReply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def main() -> None:
        task = asyncio.create_task(bench.pipelines.call("greet", {"a": "x"}, ask=hang))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    bench.pipelines.save("greet", "upper(hello(a))", model=ECHO)
    asyncio.run(main())
    (kept,) = bench.pipelines.calls("greet").items
    assert (kept.state, kept.steps[1].state) == ("cancelled", "cancelled")


def test_synchronising_reports_what_changed_and_what_no_longer_works(
    bench: Workbench, functions: Path
) -> None:
    done = bench.pipelines.synchronise()
    assert (done.added, done.removed, dict(done.invalid)) == (("shout",), (), {})
    bench.pipelines.save("loud", "shout(a)")
    assert call(bench, "loud", {"a": "x"}).output_text == "x!"
    (functions / "custom_a.py").write_text("def shout(text):\n    return text + '?'\n")
    with pytest.raises(PipelineError, match="has changed since it was registered"):
        call(bench, "loud", {"a": "x"})
    assert bench.pipelines.synchronise().changed == ("shout",)
    assert call(bench, "loud", {"a": "x"}).output_text == "x?"
    (functions / "custom_a.py").rename(functions / "kept.txt")
    (functions / "custom_b.py").write_text("def broken(:")
    gone = bench.pipelines.synchronise()
    assert (gone.added, gone.removed, len(gone.problems)) == ((), ("shout",), 1)
    assert "shout is gone" in gone.invalid["loud"]
    assert bench.pipelines.problem(bench.pipelines.get("loud")) == gone.invalid["loud"]
    with pytest.raises(PipelineError, match="Column 1: The function shout is gone"):
        call(bench, "loud", {"a": "x"})


def test_functions_of_all_kinds_are_listed(bench: Workbench) -> None:
    bench.pipelines.synchronise()
    found = {each.name: each for each in bench.pipelines.functions()}
    assert found["upper"].source == "built-in"
    assert found["shout"].signature == "shout(text: str) -> str"
    assert found["hello"].signature == "hello(who) -> str"
    assert found["hello"].group == "hello@1"


def test_what_is_wrong_is_not_saved(bench: Workbench) -> None:
    for name, text, model in [
        ("a b", "upper(x)", None),
        ("12", "upper(x)", None),
        ("a", "uper(x)", None),
        ("a", "hello(x)", None),
        ("a", "hello(x)", "nonsense"),
        ("a", "hello(x)", "offline:ecko"),
        ("a", "hello(x, model='pipeline:a')", None),
        ("a", "hello@7(x)", ECHO),
    ]:
        with pytest.raises(InputError):
            bench.pipelines.save(name, text, model=model)
    assert bench.pipelines.list_pipelines().total == 0


def test_a_model_that_cannot_answer_is_told_at_its_column(bench: Workbench) -> None:
    for text, model, column in [
        ("upper(hello(x, model='offline:ecko'))", ECHO, 22),
        ("upper(hello(x))", "offline:ecko", 7),
    ]:
        with pytest.raises(PipelineError, match="ecko") as caught:
            bench.pipelines.check(text, model)
        assert caught.value.column == column


def test_a_prompt_version_can_be_named(bench: Workbench) -> None:
    bench.save_prompt("hello", PromptTemplate.model_validate("Bye {who}"))
    bench.label_prompt("hello", "old", 1)
    bench.pipelines.save("both", "join([hello@old(a), hello(a), hello@1(a)], ', ')", model=ECHO)
    assert call(bench, "both", {"a": "x"}).output_text == "Hello x, Bye x, Hello x"


def test_roles_are_kept(bench: Workbench) -> None:
    bench.pipelines.save("greet", "upper(a)")
    editor = bench.acting_as(Person(id="e", name="Ed", role=Role.EDITOR)).pipelines
    viewer = bench.acting_as(Person(id="v", name="Vi", role=Role.VIEWER)).pipelines
    assert viewer.list_pipelines().total == 1
    assert editor.save("own", "lower(a)").created_by == "Ed"
    for refused in (
        editor.synchronise,
        viewer.synchronise,
        lambda: viewer.save("greet", "lower(a)"),
        lambda: viewer.delete("greet"),
        lambda: asyncio.run(viewer.call("greet", {"a": "x"})),
    ):
        with pytest.raises(PermissionDeniedError, match="may"):
            refused()
    assert bench.pipelines.get("greet").number == 1
