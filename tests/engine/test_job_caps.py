"""What batch jobs hold of a spend cap: never more than they may cost, never longer than they live,
and nobody waits for it who was asked to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from engine import test_job_stage
from engine.runs import echo_spec, only_run, work
from engine.test_job_stage import batch_spec, chunk_worker, jobs_of, submitted
from mock_process import MockProcess

from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.engine import budget, calling, job_stage
from prompt_app.errors import RequestRefusedError
from prompt_app.interfaces import Lease
from prompt_app.interfaces.batch_jobs import BatchJob
from prompt_app.providers.openai_batch import OpenAIBatches
from prompt_app.storage import this_worker
from prompt_app.workbench import Workbench

aws, bench, looks_often = test_job_stage.aws, test_job_stage.bench, test_job_stage.looks_often
mock, s3_url = test_job_stage.mock, test_job_stage.s3_url

ONE_CALL = 0.0103
"""US dollars, a little more than the most that a call of a batch job can cost."""


def capped(folder: Path, mock: MockProcess, rows: int, cap: float, **changes: Any) -> Any:
    limits = {"max_concurrency": 4, "max_cost_usd": cap}
    return batch_spec(folder, mock, "openai", rows=rows, limits=limits, **changes)


def with_two_prompts(spec: EvaluationSpec) -> EvaluationSpec:
    templates = [{"name": name, "template": name + " {question}"} for name in ("one", "two")]
    prompts = echo_spec(Path(), "", prompts=templates).prompts
    return spec.model_copy(update={"prompts": prompts})


def assert_settled(bench: Workbench, run: Run) -> None:
    """Nothing of the cap is held any more but what the run's replies cost."""
    evaluation = bench.evaluation(run.evaluation_id)
    assert evaluation.spent_usd == pytest.approx(bench.run(run.id).progress.cost_usd)
    assert evaluation.unconfirmed_usd == 0
    assert bench.store.reserved_spend(evaluation.id) == 0


def test_what_fails_in_a_job_gives_its_part_of_the_cap_to_the_live_calls(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(p_500=0.9, seed=3)
    run = only_run(bench, capped(tmp_path, mock, 20, 20 * ONE_CALL))

    async def fail_once() -> None:
        async with asyncio.timeout(30):
            working = asyncio.create_task(bench.work(asyncio.Event(), until_idle=True))
            while not any(job.state == "collected" for job in jobs(bench, run)):
                await asyncio.sleep(0.02)
            mock.control(p_500=0)
            await working

    asyncio.run(fail_once())
    assert bench.run(run.id).progress.scored == 20
    assert mock.stats()["answered_in_batch"] < 10
    assert_settled(bench, run)


def test_a_refused_job_holds_nothing_of_the_cap(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed in the same worker, the run finds all of it again."""
    submit = OpenAIBatches.submit

    async def refuse(*_: object) -> str:
        raise RequestRefusedError("No batch for you.")

    monkeypatch.setattr(OpenAIBatches, "submit", refuse)
    run = only_run(bench, capped(tmp_path, mock, 20, 25 * ONE_CALL))

    async def resume() -> None:
        stop = asyncio.Event()
        working = asyncio.create_task(bench.work(stop))
        async with asyncio.timeout(30):
            await reached(bench, run, "paused")
            assert "No batch for you" in bench.run(run.id).reason
            assert_settled(bench, run)
            monkeypatch.setattr(OpenAIBatches, "submit", submit)
            bench.resume(run.id)
            await reached(bench, run, "finished")
            stop.set()
            await working

    asyncio.run(resume())
    assert mock.stats()["answered_in_batch"] == 20
    assert_settled(bench, run)


def jobs(bench: Workbench, run: Run) -> list[BatchJob]:
    return bench.store.batch_jobs(Lease(bench.run(run.id), 0))


async def reached(bench: Workbench, run: Run, state: str) -> None:
    while bench.run(run.id).state != state:
        await asyncio.sleep(0.02)


def test_a_paused_run_keeps_what_its_job_has_reserved(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock.control(batch_seconds=2)
    run = only_run(bench, capped(tmp_path, mock, 20, 25 * ONE_CALL))

    async def pause() -> None:
        async with submitted(bench, run.id):
            bench.pause(run.id)

    asyncio.run(pause())
    assert bench.run(run.id).state == "paused"
    evaluation = bench.evaluation(run.evaluation_id)
    assert (evaluation.spent_usd, evaluation.unconfirmed_usd) == (0, 0)
    dispatcher = Mock(wraps=bench.dispatcher)
    monkeypatch.setattr(bench, "dispatcher", dispatcher)
    bench.resume(run.id)
    dispatcher.wake.assert_called_once()  # a message about it stays in the broker's queue
    work(bench)
    assert bench.run(run.id).progress.scored == 20
    assert_settled(bench, run)


def test_a_job_that_never_finds_room_pauses_its_run(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    run = only_run(bench, capped(tmp_path, mock, 20, 15 * ONE_CALL))
    work(bench, seconds=30)
    paused = bench.run(run.id)
    assert (paused.state, "cap" in paused.reason) == ("paused", True)
    assert mock.stats().get("received", 0) == 0
    assert_settled(bench, run)


def test_a_run_that_waits_for_anothers_job_can_be_paused(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    """And its worker can be stopped."""
    mock.control(batch_seconds=60)
    spec = capped(tmp_path, mock, 20, 30 * ONE_CALL)
    evaluation = bench.submit_evaluation(with_two_prompts(spec))
    runs = bench.runs_of(evaluation.id)

    async def pause_the_one_that_waits() -> tuple[Run, Run]:
        stop = asyncio.Event()
        working = asyncio.create_task(bench.work(stop))
        async with asyncio.timeout(30):
            while not (sent := [run for run in runs if jobs_of(bench, run.id)]):
                await asyncio.sleep(0.02)
            (waiting,) = (run for run in runs if run not in sent)
            await reached(bench, waiting, "running")
            bench.pause(waiting.id)
            await reached(bench, waiting, "paused")
            stop.set()
            await working
        return sent[0], waiting

    sent, waiting = asyncio.run(pause_the_one_that_waits())
    assert bench.run(waiting.id).reason == "Paused on request."
    assert bench.run(sent.id).state == "queued"


def test_jobs_of_two_runs_take_turns_under_a_cap_for_one(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_stage, "MOST_REQUESTS", 20)
    monkeypatch.setattr(calling, "PAGE", 20)
    spec = with_two_prompts(capped(tmp_path, mock, 40, 35 * ONE_CALL))
    evaluation = bench.submit_evaluation(spec)
    work(bench, seconds=30)
    for run in bench.runs_of(evaluation.id):
        assert run.progress.scored == 40, run.reason
    assert mock.stats()["answered_in_batch"] == 80
    assert bench.evaluation(evaluation.id).unconfirmed_usd == 0


def test_judges_that_find_no_room_pause_the_run_and_every_reply_is_kept(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More replies than a run has on their way to their scores at a time."""
    monkeypatch.setattr(budget, "OTHERS_SECONDS", 1.0)
    judge = {"provider": "openai", "name": "echo", "base_url": f"{mock.url}/v1"}
    judge["price"] = {"input": 1e6, "output": 1e6}
    metric = {"name": "graded_correctness", "judge": judge, "judge_parameters": {"max_tokens": 20}}
    rows = 700
    spec = capped(tmp_path, mock, rows, 1.02 * rows * ONE_CALL, metrics=[metric])
    run = only_run(bench, spec)
    work(bench, seconds=45)
    paused = bench.run(run.id)
    assert (paused.state, "cap" in paused.reason) == ("paused", True)
    assert (paused.progress.answered, paused.progress.scored) == (rows, 0)
    assert_settled(bench, run)


def test_the_unconfirmed_spend_of_others_is_not_taken_for_a_jobs(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> str:
        raise RequestRefusedError("No batch for you.")

    with monkeypatch.context() as patch:
        patch.setattr(OpenAIBatches, "submit", refuse)
        run = only_run(bench, capped(tmp_path, mock, 20, 50 * ONE_CALL))
        work(bench)
    bench.resume(run.id)
    lease = bench.store.claim_run(this_worker())
    assert lease is not None
    assert bench.store.reserve_spend(lease, 10**8)  # for a call that may have been billed
    bench.store.end_run(lease, "queued")
    work(bench)
    assert bench.run(run.id).progress.scored == 20
    assert bench.evaluation(run.evaluation_id).unconfirmed_usd == 0.1


@pytest.mark.parametrize("spread", [False, True])
def test_a_worker_that_waits_for_cancelled_jobs_can_be_stopped(
    spread: bool,
    bench: Workbench,
    mock: MockProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one waits on."""
    asked = asyncio.Event()

    async def takes_its_time(*_: object) -> None:
        asked.set()

    monkeypatch.setattr(OpenAIBatches, "cancel", takes_its_time)
    mock.control(batch_seconds=5)
    run = only_run(bench, capped(tmp_path, mock, 20, 25 * ONE_CALL))

    async def stop() -> None:
        stop = asyncio.Event()
        async with asyncio.timeout(4), submitted(bench, run.id, stop):
            bench.cancel(run.id)
            await asked.wait()
            stop.set()

    async def stop_a_chunk_worker() -> None:
        worker = chunk_worker(bench)
        (chunk,) = await worker.advance_run(run.id)
        working = asyncio.create_task(worker.work_chunk(run.id, chunk))
        async with asyncio.timeout(4):
            while not jobs_of(bench, run.id):
                await asyncio.sleep(0.02)
            bench.cancel(run.id)
            await asked.wait()
            worker.stop()
            assert not await working

    asyncio.run(stop_a_chunk_worker() if spread else stop())
    stopped = bench.run(run.id)
    assert (stopped.state, stopped.requested) == ("running" if spread else "queued", "cancel")
    if spread:
        assert asyncio.run(chunk_worker(bench).work_chunk(run.id, 0))
    else:
        work(bench, seconds=30)
    assert (bench.run(run.id).state, bench.run(run.id).progress.answered) == ("cancelled", 20)
    assert_settled(bench, run)


def test_a_run_with_all_its_rows_and_a_job_left_over_is_cancelled(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker died between storing the last reply and noting that the job is collected."""
    save = job_stage.JobStage._save

    async def dies(stage: job_stage.JobStage, job: BatchJob) -> None:
        if job.state == "collected":
            raise RuntimeError("killed")
        await save(stage, job)

    with monkeypatch.context() as patch:
        patch.setattr(job_stage.JobStage, "_save", dies)
        run = only_run(bench, capped(tmp_path, mock, 20, 25 * ONE_CALL))
        work(bench)
    assert (bench.run(run.id).state, bench.run(run.id).progress.answered) == ("failed", 20)
    assert bench.cancel(run.id).requested == "cancel"
    work(bench, seconds=15)
    assert bench.run(run.id).state == "cancelled"
    assert_settled(bench, run)
