"""A batch job is at its provider once, and gone with its run: whoever dies, freezes or is not
answered while it is submitted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from engine import test_job_stage
from engine.runs import only_run, work
from engine.test_job_stage import batch_spec, jobs_of, state_at_provider, submitted
from mock_process import MockProcess

from prompt_app.engine.batch import RunBatch
from prompt_app.engine.budget import Budgets
from prompt_app.engine.callers import Callers
from prompt_app.engine.pulse import Pulse
from prompt_app.engine.worker import ending_of
from prompt_app.errors import ConnectionFailedError
from prompt_app.providers import connect
from prompt_app.providers.bedrock_batch import BedrockBatches
from prompt_app.providers.openai_batch import OpenAIBatches
from prompt_app.storage import this_worker
from prompt_app.workbench import Workbench

aws, bench, looks_often = test_job_stage.aws, test_job_stage.bench, test_job_stage.looks_often
mock, s3_url = test_job_stage.mock, test_job_stage.s3_url

ROWS = 20
Submit = Callable[[OpenAIBatches, str, str], Awaitable[str]]


class Frozen:
    """The first call of ``submit`` is about to be sent when its worker freezes."""

    def __init__(self) -> None:
        self._submit: Submit = OpenAIBatches.submit
        self.is_frozen = asyncio.Event()
        self.thawed = asyncio.Event()
        self.next_is_frozen, self.next_goes_on = asyncio.Event(), asyncio.Event()

    async def submit(self, provider: OpenAIBatches, token: str, place: str) -> str:
        if not self.is_frozen.is_set():
            self.is_frozen.set()
            await self.thawed.wait()
        else:
            self.next_is_frozen.set()
            await self.next_goes_on.wait()
        return await self._submit(provider, token, place)


@asynccontextmanager
async def zombie(bench: Workbench, patch: pytest.MonkeyPatch) -> AsyncIterator[Frozen]:
    """A worker frozen in that moment, which the next one takes for dead; at the end it thaws."""
    frozen = Frozen()

    async def submit(provider: OpenAIBatches, token: str, place: str) -> str:
        return await frozen.submit(provider, token, place)

    patch.setattr(OpenAIBatches, "submit", submit)
    lease = bench.store.claim_run(replace(this_worker(), process_started="before"))
    assert lease is not None
    callers = Callers(bench.settings, connect)
    budget = await Budgets(bench.store).of(lease.run.evaluation_id)
    working = asyncio.create_task(ending_of(RunBatch(bench.store, lease, callers, budget)))
    await frozen.is_frozen.wait()
    yield frozen
    frozen.thawed.set()
    assert await working is None
    await callers.close()


def states_at_provider(mock: MockProcess) -> list[str]:
    """In the order in which they were made."""
    with urlopen(f"{mock.url}/v1/batches") as response:
        return [job["status"] for job in json.load(response)["data"]]


@pytest.fixture(params=["its beat fails", "its write fails"])
def how_it_wakes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What tells the zombie that its run is another's: the call is cancelled, or ends first."""
    if request.param == "its write fails":

        async def beat(_: Pulse) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(Pulse, "beat", beat)
    return str(request.param)


@pytest.mark.parametrize("first", ["zombie", "successor"])
def test_of_two_jobs_one_is_cancelled(
    first: str,
    how_it_wakes: str,
    bench: Workbench,
    mock: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock.control(batch_seconds=1)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=ROWS))

    async def both() -> None:
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            async with zombie(bench, monkeypatch) as frozen:
                tasks.create_task(bench.work(asyncio.Event(), until_idle=True))
                await frozen.next_is_frozen.wait()
                if first == "successor":
                    frozen.next_goes_on.set()
                    await until(lambda: jobs_of(bench, run.id))
            frozen.next_goes_on.set()

    asyncio.run(both())
    assert bench.run(run.id).progress.scored == ROWS
    assert mock.stats()["answered_in_batch"] == mock.stats()["answered"] == ROWS
    assert sorted(states_at_provider(mock)) in (["completed"], ["cancelled", "completed"])


async def until(condition: Callable[[], object]) -> None:
    while not await asyncio.to_thread(condition):
        await asyncio.sleep(0.02)


def test_what_is_submitted_after_its_run_was_cancelled_is_cancelled_too(
    how_it_wakes: str,
    bench: Workbench,
    mock: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock.control(batch_seconds=30)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=ROWS))

    async def cancel() -> None:
        async with asyncio.timeout(30), zombie(bench, monkeypatch):
            bench.cancel(run.id)
            await bench.work(asyncio.Event(), until_idle=True)
            assert bench.run(run.id).state == "cancelled"

    asyncio.run(cancel())
    assert states_at_provider(mock) == ["cancelled"]


@pytest.mark.parametrize("provider", [OpenAIBatches, BedrockBatches])
def test_a_job_whose_worker_died_is_cancelled_with_its_run(
    provider: type[Any],
    bench: Workbench,
    mock: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the answer came."""
    mock.control(batch_seconds=30)
    made = unanswered(provider, monkeypatch, RuntimeError("killed"))
    name, rows = ("openai", ROWS) if provider is OpenAIBatches else ("bedrock", 100)
    run = only_run(bench, batch_spec(tmp_path, mock, name, rows=rows))
    work(bench)
    bench.cancel(run.id)
    work(bench)
    assert bench.run(run.id).state == "cancelled"
    (job,) = made
    assert job_ended_early(provider, job, mock)
    assert mock.stats().get("answered", 0) == 0


def job_ended_early(provider: type[Any], job: str, mock: MockProcess) -> bool:
    if provider is OpenAIBatches:
        return state_at_provider(mock, job) == "cancelled"
    with urlopen(f"{mock.url}/model-invocation-job/{job}") as response:
        return bool(json.load(response)["status"] == "Stopped")


def unanswered(
    provider: type[Any], patch: pytest.MonkeyPatch, error: Exception, then: Callable[[], Any] = list
) -> list[str]:
    """The jobs that the provider makes while ``error`` comes in place of its answer."""
    made: list[str] = []
    submit = provider.submit

    async def dies(*call: Any) -> str:
        made.append(await submit(*call))
        then()
        raise error

    patch.setattr(provider, "submit", dies)
    return made


def test_a_job_that_was_not_answered_is_cancelled_by_the_same_worker(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock.control(batch_seconds=30)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=ROWS))
    lost = ConnectionFailedError("reset")
    unanswered(OpenAIBatches, monkeypatch, lost, lambda: bench.cancel(run.id))
    work(bench)
    assert bench.run(run.id).state == "cancelled"
    assert states_at_provider(mock) == ["cancelled"]


def test_jobs_are_cancelled_of_a_provider_that_could_not_be_reached_just_before(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock.control(batch_seconds=30)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=ROWS))
    status = OpenAIBatches.status

    async def fails_once(*_: Any) -> Any:
        bench.cancel(run.id)
        await until(lambda: bench.run(run.id).requested == "cancel")
        await asyncio.sleep(1.5)  # until the worker has heard of it
        monkeypatch.setattr(OpenAIBatches, "status", status)
        raise ConnectionFailedError("reset")

    monkeypatch.setattr(OpenAIBatches, "status", fails_once)
    work(bench)
    assert bench.run(run.id).state == "cancelled"
    assert states_at_provider(mock) == ["cancelled"]


def test_a_cancelled_run_that_is_resumed_goes_by_batch_again(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(batch_seconds=30)
    limits = {"max_concurrency": 4, "max_cost_usd": 1.0}
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=ROWS, limits=limits))

    async def cancel() -> None:
        async with submitted(bench, run.id):
            bench.cancel(run.id)

    asyncio.run(cancel())
    assert bench.run(run.id).state == "cancelled"
    mock.control(batch_seconds=0)
    bench.resume(run.id)
    work(bench)
    assert bench.run(run.id).progress.scored == ROWS
    assert mock.stats()["answered"] == mock.stats()["answered_in_batch"] == ROWS
    evaluation = bench.evaluation(run.evaluation_id)
    assert (evaluation.unconfirmed_usd, bench.store.reserved_spend(evaluation.id)) == (0, 0)
