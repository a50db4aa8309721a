"""Rubrics in a shared folder: tests run by a worker, their results, releases and files."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.runs import temporary_workbench, work, worker_process

from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.rubric_test import RubricTest, RubricTestOptions
from prompt_app.errors import ConflictError, RubricError, UnknownNameError
from prompt_app.providers.mock_server import MockServer, MockServerOptions
from prompt_app.workbench import Workbench
from prompt_app.workbench.rubrics import EXAMPLE_RUBRICS

L1, L2 = "L1-moving-things", "L2-reacting"


@pytest.fixture
def folder(workbench: Workbench) -> Path:
    """The shipped rubrics where the studio looks for them."""
    workbench.rubrics.load_example()
    return Path(workbench.settings.resolved_rubrics_url)


@pytest.fixture
def server(folder: Path) -> Iterator[MockServer]:
    """What L2's experiment asks instead of the offline model."""
    path = folder / "experiments" / "baseline" / L2
    with MockServer(MockServerOptions(script=str(path / "replies.yaml"))) as started:
        model = {"provider": "openai", "name": "scripted", "base_url": f"{started.url}/v1"}
        change(folder, model={**model, "price": {"input": 1, "output": 1}})
        yield started


def change(folder: Path, **values: Any) -> None:
    path = folder / "experiments" / "baseline" / L2 / "params.json"
    named = {key.replace("_", "-"): value for key, value in values.items()}
    path.write_text(json.dumps({**json.loads(path.read_text()), **named}))


def options(**changes: Any) -> RubricTestOptions:
    given = {"dataset": "games", "experiment": "baseline", **changes}
    return RubricTestOptions.model_validate(given)


def finished(workbench: Workbench, **changes: Any) -> RubricTest:
    test = workbench.rubrics.start(options(**changes))
    work(workbench)
    return workbench.rubrics.test(test.id)


@pytest.mark.usefixtures("folder")
def test_a_worker_tests_every_lesson(workbench: Workbench) -> None:
    rubrics = workbench.rubrics
    quote = rubrics.quote(options())
    test = finished(workbench)

    assert (test.state, test.lessons, test.created_by) == ("finished", (L1, L2), "You")
    assert (test.progress.total, test.progress.done) == (quote.works, quote.works) == (24, 24)
    assert "could not be read" in test.reason
    result = rubrics.result(test.id, L1)
    assert (result.dataset, len(result.students)) == ("games", 12)
    assert rubrics.ambiguity(test.id, L1)[0].rows
    assert "Cost: $0.0000." in rubrics.report(test.id, L1, "exact")
    assert rubrics.new_labels(test.id, L2).startswith("student,")
    assert rubrics.tests(text="base").items[0].id == test.id


@pytest.mark.usefixtures("folder")
def test_mistakes_are_told_before_anything_is_queued(workbench: Workbench) -> None:
    with pytest.raises(RubricError, match="no lesson"):
        workbench.rubrics.start(options(experiment="none"))
    with pytest.raises(RubricError, match="nobody"):
        workbench.rubrics.start(options(students=["nobody"]))
    assert workbench.rubrics.tests().total == 0


def test_a_test_that_cannot_run_fails_with_its_reason(workbench: Workbench, folder: Path) -> None:
    test = workbench.rubrics.start(options())
    (folder / "experiments" / "baseline" / L2 / "system_prompt.txt").unlink()
    work(workbench)
    failed = workbench.rubrics.test(test.id)
    assert failed.state == "failed"
    assert "system_prompt.txt" in failed.reason


def test_a_test_that_ends_early_keeps_the_lessons_before(
    workbench: Workbench, server: MockServer
) -> None:
    server.control(api_key="another")
    failed = finished(workbench)
    assert (failed.state, failed.lessons) == ("failed", (L1,))
    assert "401" in failed.reason
    assert len(workbench.rubrics.result(failed.id, L1).students) == 12


def test_a_worker_that_is_killed_loses_no_answer_and_pays_none_twice(
    workbench: Workbench, server: MockServer, tmp_path: Path
) -> None:
    server.control(latency_ms=300, record="hash")
    test = workbench.rubrics.start(options(lessons=[L2], workers=2))
    process = worker_process(tmp_path / "data")
    while server.stats().get("answered", 0) < 4:
        assert process.poll() is None
    process.kill()
    process.wait()
    server.control(latency_ms=0, record="hash")
    answered = server.stats()["answered"]
    work(workbench)
    done = workbench.rubrics.test(test.id)
    assert (done.state, done.progress.done) == ("finished", 12)
    # 11 works are asked about; at most the two in flight are sent again.
    assert 11 <= server.stats()["answered"] <= 11 + 2
    assert answered >= 4


def test_a_test_is_cancelled_while_it_runs(workbench: Workbench, server: MockServer) -> None:
    server.control(latency_ms=500)
    test = workbench.rubrics.start(options(lessons=[L2], workers=1))

    async def cancel_soon() -> None:
        working = asyncio.create_task(workbench.work(asyncio.Event(), until_idle=True))
        while not server.stats().get("received"):
            await asyncio.sleep(0.01)
        workbench.rubrics.cancel(test.id)
        await asyncio.wait_for(working, 20)

    asyncio.run(cancel_soon())
    cancelled = workbench.rubrics.test(test.id)
    assert (cancelled.state, cancelled.reason) == ("cancelled", "Cancelled on request.")
    assert server.stats()["received"] < 11


def test_the_spend_cap_is_never_overshot(workbench: Workbench, server: MockServer) -> None:
    with pytest.raises(RubricError, match="max-tokens"):
        workbench.rubrics.start(options(lessons=[L2], max_cost_usd=0.01))
    cap = 0.012
    capped = options(lessons=[L2], max_cost_usd=cap, max_tokens=1000).model_dump()
    test = finished(workbench, **capped)
    assert test.state == "finished"
    kinds = {p.kind for s in workbench.rubrics.result(test.id, L2).students for p in s.problems}
    assert "budget_exhausted" in kinds
    assert 0 < test.progress.cost_usd <= cap
    assert 0 < server.stats()["answered"] < 11


def test_the_rate_cap_is_held_and_quoted(workbench: Workbench, server: MockServer) -> None:
    slow = options(lessons=[L2], requests_per_minute=2)
    quote = workbench.rubrics.quote(slow)
    assert quote.seconds_low == pytest.approx(quote.calls * 30)
    began = time.monotonic()
    finished(workbench, lessons=[L2], requests_per_minute=600, workers=20)
    assert time.monotonic() - began > 0.1 * (server.stats()["answered"] - 3)


def test_releases_are_made_compared_and_promoted(workbench: Workbench, folder: Path) -> None:
    rubrics = workbench.rubrics
    test = finished(workbench)
    paths = rubrics.release(test.id, "second")
    assert paths == [f"releases/second/{L1}", f"releases/second/{L2}"]
    names = [(each.lesson, each.name) for each in rubrics.releases()]
    assert names == [(L1, "first"), (L1, "second"), (L2, "first"), (L2, "second")]
    compared = rubrics.compare("first", "second", L1)
    assert compared.exact.pairs
    rubrics.promote("second", L1)
    assert rubrics.promoted()[L1] == "second"

    part = finished(workbench, lessons=[L1], max_students=3)
    with pytest.raises(RubricError, match="all works"):
        rubrics.release(part.id, "third")
    (folder / "datasets" / "games" / L1 / "hazel.js").write_text("var changed;\n")
    with pytest.raises(RubricError, match="changed since"):
        rubrics.release(test.id, "third")
    with pytest.raises(ConflictError):
        rubrics.release(finished(workbench, lessons=[L1]).id, "first")


def test_files_are_added_only_where_they_make_sense(workbench: Workbench) -> None:
    rubrics = workbench.rubrics
    source = EXAMPLE_RUBRICS / "experiments" / "baseline" / L1
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file()
    }
    assert rubrics.add_experiment("mine", "L1", files) == "experiments/mine/L1"
    assert rubrics.experiment("mine", "L1").rubric.names
    assert rubrics.lessons("experiments") == {"mine": ["L1"]}
    with pytest.raises(RubricError, match="there already"):
        rubrics.add_experiment("mine", "L1", files)
    with pytest.raises(RubricError, match="standard_rubric"):
        rubrics.add_experiment("mine", "L2", {"params.json": files["params.json"]})
    for name in ("../x", "a/../../x", "", "x\x00"):
        with pytest.raises(RubricError, match="cannot be the name"):
            rubrics.add_dataset("d", "L1", {name: b"text"})
    with pytest.raises(RubricError, match="UTF-8"):
        rubrics.add_dataset("d", "L1", {"a.js": b"\xff\xfe"})
    with pytest.raises(RubricError, match="no works"):
        rubrics.add_dataset("d", "L1", {"actual_labels.csv": b"student\n"})
    rubrics.add_dataset("d", "L1", {"a.js": b"var a;", "b.js": b"", "actual_labels.csv": b"s,A\n"})
    assert rubrics.dataset_counts("d", "L1") == (2, 0)
    assert rubrics.works("d", "L1") == ["a.js", "b.js"]
    assert rubrics.work_text("d", "L1", "a.js") == "var a;"
    with pytest.raises(UnknownNameError):
        rubrics.work_text("d", "L1", "../a.js")


def test_the_example_is_loaded_once(tmp_path: Path) -> None:
    workbench = temporary_workbench(tmp_path)
    workbench.rubrics.load_example()
    assert workbench.rubrics.lessons("datasets") == {"games": [L1, L2]}
    assert workbench.rubrics.dataset_counts("games", L1) == (12, 12)
    marker = Path(workbench.settings.resolved_rubrics_url) / "experiments/baseline" / L1 / "x.txt"
    marker.write_text("kept")
    workbench.rubrics.load_example()
    assert marker.read_text() == "kept"
    workbench.close()


def test_a_stored_endpoint_is_tested_by_its_name(workbench: Workbench, server: MockServer) -> None:
    model = ModelSpec(provider="openai", name="scripted", base_url=f"{server.url}/v1")
    workbench.models.save_endpoint("own", model)
    test = finished(workbench, lessons=(L2,), model="endpoint:own")
    assert test.state == "finished", test.error
    result = workbench.rubrics.result(test.id, L2)
    assert result.model == "openai:scripted"
    assert test.progress.cost_usd is result.cost_usd is None, "nobody knows its price"
    assert "Cost: unknown." in workbench.rubrics.report(test.id, L2, "exact")
    with pytest.raises(UnknownNameError, match="own"):
        workbench.rubrics.quote(options(lessons=(L2,), model="endpoint:owm"))
