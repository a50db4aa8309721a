"""Runs in ``mode: batch``, at OpenAI's protocol and at Bedrock's with its files in moto's S3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from engine.runs import echo_spec, only_run, rows_file, temporary_workbench, work
from mock_process import MockProcess
from moto.server import ThreadedMotoServer

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.engine import handover, job_stage, patience
from prompt_app.engine.chunk_worker import ChunkWorker
from prompt_app.errors import EvaluationError, RequestRefusedError
from prompt_app.interfaces.batch_jobs import BatchJob
from prompt_app.providers.openai_batch import OpenAIBatches
from prompt_app.storage import this_worker
from prompt_app.workbench import Workbench

ROWS = 150
PRICE = {"input": 100.0, "output": 200.0}


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_LOOK_SECONDS", 0.1)


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_S3": s3_url,
        "PROMPT_APP_BATCH_URL": "s3://jobs/batch",
        "PROMPT_APP_BATCH_ROLE_ARN": "arn:aws:iam::111122223333:role/batch",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    if "jobs" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(
            Bucket="jobs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )


@pytest.fixture
def mock(aws: None, mock_process: MockProcess, monkeypatch: pytest.MonkeyPatch) -> MockProcess:
    """Its process reads and writes the bucket too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", mock_process.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", mock_process.url)
    mock_process.control(record="text")
    return mock_process


def batch_spec(folder: Path, mock: MockProcess, provider: str, **changes: Any) -> EvaluationSpec:
    model = {"provider": provider, "name": "echo", "price": PRICE}
    if provider == "openai":
        model["base_url"] = f"{mock.url}/v1"
    path = rows_file(folder, changes.pop("rows", ROWS))
    parameters = {"max_tokens": 20}
    return echo_spec(path, mock.url, models=[model], mode="batch", parameters=parameters, **changes)


@pytest.fixture
def bench(tmp_path: Path, mock: MockProcess) -> Iterator[Workbench]:
    workbench = temporary_workbench(tmp_path)
    yield workbench
    workbench.close()


@pytest.mark.parametrize("provider", ["openai", "bedrock"])
def test_a_batch_gives_the_rows_of_a_live_run_at_half_the_price(
    provider: str, bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    spec = batch_spec(tmp_path, mock, provider, repeats=2, cache="off")
    run = only_run(bench, spec)
    work(bench)
    done = bench.run(run.id)
    assert (done.state, done.progress.scored) == ("finished", 2 * ROWS), done.reason
    stats = mock.stats()
    assert stats["answered"] == stats["answered_in_batch"] == 2 * ROWS
    live = only_run(bench, spec.model_copy(update={"mode": "live"}))
    work(bench)
    other = bench.run(live.id)
    assert done.progress.cost_usd == pytest.approx(other.progress.cost_usd / 2)
    assert done.summary == other.summary
    texts = [
        [(row.key, row.reply.text) for row in bench.store.iterate_samples(each) if row.reply]
        for each in (run.id, live.id)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("provider", ["openai", "bedrock"])
def test_what_fails_in_a_job_is_called_live(
    provider: str, bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(p_500=0.3, seed=3)
    run = only_run(bench, batch_spec(tmp_path, mock, provider))
    work(bench)
    assert bench.run(run.id).progress.scored == ROWS
    stats = mock.stats()
    assert stats["answered"] == ROWS
    assert 0 < ROWS - stats["answered_in_batch"] < ROWS


async def work_until_submitted(bench: Workbench, run_id: str) -> None:
    """A worker that is stopped once the job is submitted."""
    stop = asyncio.Event()
    async with submitted(bench, run_id, stop):
        stop.set()


@asynccontextmanager
async def submitted(
    bench: Workbench, run_id: str, stop: asyncio.Event | None = None
) -> AsyncIterator[None]:
    """A worker works; inside, the job is at the provider. Waits for the worker's end."""
    working = asyncio.create_task(bench.work(stop or asyncio.Event(), until_idle=stop is None))
    while not jobs_of(bench, run_id):
        assert not working.done()
        await asyncio.sleep(0.02)
    yield
    await working


def jobs_of(bench: Workbench, run_id: str) -> list[str]:
    """Ids at the provider."""
    jobs = bench.store.batch_jobs(_reader(bench, run_id))
    return [job.provider_id for job in jobs if job.provider_id]


def state_at_provider(mock: MockProcess, job: str) -> str:
    with urlopen(f"{mock.url}/v1/batches/{job}") as response:
        return str(json.load(response)["status"])


def _reader(bench: Workbench, run_id: str) -> Any:
    from prompt_app.interfaces import Lease

    return Lease(bench.run(run_id), 0)


@pytest.mark.parametrize("provider", ["openai", "bedrock"])
def test_another_worker_collects_the_job_that_was_submitted(
    provider: str, bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(batch_seconds=2)
    limits = {"max_concurrency": 10, "max_cost_usd": 9.0}
    run = only_run(bench, batch_spec(tmp_path, mock, provider, limits=limits))
    asyncio.run(work_until_submitted(bench, run.id))
    assert bench.run(run.id).state == "queued"
    work(bench)
    assert bench.run(run.id).progress.scored == ROWS
    stats = mock.stats()
    assert stats["answered"] == stats["answered_in_batch"] == ROWS
    evaluation = bench.evaluation(run.evaluation_id)
    assert evaluation.spent_usd == pytest.approx(bench.run(run.id).progress.cost_usd)


def test_a_job_whose_answer_was_lost_is_found_by_its_token(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between the provider's taking the job and the store's noting it."""

    async def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(handover.Handover, "_note", dies)
        run = only_run(bench, batch_spec(tmp_path, mock, "openai"))
        work(bench)
    assert bench.run(run.id).state == "failed"
    bench.resume(run.id)
    work(bench)
    assert bench.run(run.id).progress.scored == ROWS
    assert mock.stats()["answered"] == ROWS


def test_a_cancelled_run_cancels_its_jobs(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(batch_seconds=30)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai"))

    async def cancel() -> None:
        async with submitted(bench, run.id):
            bench.cancel(run.id)

    asyncio.run(cancel())
    assert bench.run(run.id).state == "cancelled"
    assert mock.stats().get("answered", 0) == 0


def test_what_the_provider_would_refuse_is_refused_before(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match="at least 100 requests"):
        bench.submit_evaluation(batch_spec(tmp_path, mock, "bedrock", rows=20))
    offline = batch_spec(tmp_path, mock, "openai").model_copy(
        update={"models": echo_spec(tmp_path, "", models=["offline:echo"]).models}
    )
    with pytest.raises(EvaluationError, match="only bedrock and openai models"):
        bench.submit_evaluation(offline)


def test_the_quote_shows_both_modes(bench: Workbench, mock: MockProcess, tmp_path: Path) -> None:
    quote = bench.quote(batch_spec(tmp_path, mock, "openai"))
    assert quote.cost_usd_high is not None
    assert quote.batch_cost_usd_high == pytest.approx(quote.cost_usd_high / 2)
    assert any("called live" in note for note in quote.notes)
    assert 24 * 3600 < quote.seconds_high < 25 * 3600


def test_a_quote_for_fewer_requests_than_a_job_takes_saves_nothing(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    """60 of 150 rows have stored replies."""
    few = batch_spec(tmp_path, mock, "bedrock", rows=60).model_copy(update={"mode": "live"})
    only_run(bench, few)
    work(bench)
    quote = bench.quote(batch_spec(tmp_path, mock, "bedrock"))
    assert (quote.cached, quote.calls) == (60, 90)
    assert quote.batch_cost_usd_high == quote.cost_usd_high


def capped(folder: Path, mock: MockProcess, cap: float, rows: int = 20) -> EvaluationSpec:
    limits = {"max_concurrency": 4, "max_cost_usd": cap}
    return batch_spec(folder, mock, "openai", rows=rows, limits=limits)


def test_under_a_cap_what_fails_in_a_job_is_called_live_too(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(p_500=0.5, seed=3)
    run = only_run(bench, capped(tmp_path, mock, 0.3))
    work(bench)
    done, evaluation = bench.run(run.id), bench.evaluation(run.evaluation_id)
    assert (done.state, done.progress.scored) == ("finished", 20), done.reason
    assert mock.stats()["answered_in_batch"] < 20
    assert evaluation.unconfirmed_usd == 0
    assert evaluation.spent_usd == pytest.approx(done.progress.cost_usd)


def test_a_cap_with_room_for_one_job_at_a_time(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_stage, "MOST_REQUESTS", 10)
    run = only_run(bench, capped(tmp_path, mock, 0.15, rows=20))
    monkeypatch.setattr("prompt_app.engine.calling.PAGE", 10)
    work(bench)
    done = bench.run(run.id)
    assert (done.state, done.progress.scored) == ("finished", 20), done.reason
    assert len(jobs_of(bench, run.id)) == 2
    assert mock.stats()["answered_in_batch"] == 20


def test_a_refused_job_costs_nothing(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> str:
        raise RequestRefusedError("not today")

    submit = OpenAIBatches.submit
    monkeypatch.setattr(OpenAIBatches, "submit", refuse)
    run = only_run(bench, capped(tmp_path, mock, 0.3))
    work(bench)
    paused, evaluation = bench.run(run.id), bench.evaluation(run.evaluation_id)
    assert (paused.state, evaluation.unconfirmed_usd) == ("paused", 0), paused.reason
    monkeypatch.setattr(OpenAIBatches, "submit", submit)
    bench.resume(run.id)
    work(bench)
    assert bench.run(run.id).progress.scored == 20


def test_a_paused_run_keeps_its_jobs_and_their_reservation(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(batch_seconds=1)
    run = only_run(bench, capped(tmp_path, mock, 0.3))

    async def pause() -> None:
        async with submitted(bench, run.id):
            bench.pause(run.id)

    asyncio.run(pause())
    assert bench.evaluation(run.evaluation_id).unconfirmed_usd == 0
    bench.resume(run.id)
    work(bench)
    evaluation = bench.evaluation(run.evaluation_id)
    assert bench.run(run.id).progress.scored == mock.stats()["answered_in_batch"] == 20
    assert (evaluation.unconfirmed_usd, evaluation.spent_usd > 0) == (0, True)


@pytest.mark.parametrize("spread", [False, True])
def test_a_run_that_no_worker_holds_is_cancelled_with_its_jobs(
    spread: bool, bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(batch_seconds=30)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=20))

    async def pause() -> None:
        async with submitted(bench, run.id):
            bench.pause(run.id)

    async def stop_a_chunk_worker() -> None:
        worker = chunk_worker(bench)
        (chunk,) = await worker.advance_run(run.id)
        working = asyncio.create_task(worker.work_chunk(run.id, chunk))
        while not jobs_of(bench, run.id):
            await asyncio.sleep(0.02)
        worker.stop()
        assert not await working

    asyncio.run(stop_a_chunk_worker() if spread else pause())
    bench.cancel(run.id)
    (job,) = jobs_of(bench, run.id)
    assert state_at_provider(mock, job) == "in_progress"
    if spread:
        assert [each.chunk for each in bench.store.waiting_work(5)] == [0]
        assert asyncio.run(chunk_worker(bench).work_chunk(run.id, 0))
    else:
        work(bench)
    assert state_at_provider(mock, job) == "cancelled"
    assert bench.run(run.id).state == "cancelled"


def test_a_job_whose_rows_are_all_answered_is_ended_with_its_run(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died between storing the last reply and noting that the job is collected."""
    saved = job_stage.JobStage._save

    async def dies(stage: job_stage.JobStage, job: BatchJob) -> None:
        if job.state == "collected":
            raise RuntimeError("killed")
        await saved(stage, job)

    monkeypatch.setattr(job_stage.JobStage, "_save", dies)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=20))
    work(bench)
    assert bench.run(run.id).progress.answered == 20
    monkeypatch.setattr(job_stage.JobStage, "_save", saved)
    bench.cancel(run.id)
    work(bench, seconds=10)
    assert bench.run(run.id).state == "cancelled"


def chunk_worker(bench: Workbench) -> ChunkWorker:
    return ChunkWorker(bench.store, bench.settings, this_worker())


def test_a_job_that_takes_its_time_to_be_cancelled_is_waited_for(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answers meanwhile is paid for, and kept."""

    async def goes_on(*_: object) -> None: ...

    monkeypatch.setattr(OpenAIBatches, "cancel", goes_on)
    mock.control(batch_seconds=1.5)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai", rows=20))

    async def cancel() -> None:
        async with submitted(bench, run.id):
            bench.cancel(run.id)

    asyncio.run(cancel())
    assert bench.run(run.id).state == "cancelled"
    assert bench.run(run.id).progress.answered == mock.stats()["answered"] == 20


def test_what_another_run_was_answered_meanwhile_is_counted_for_both(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    mock.control(batch_seconds=1.5)
    spec = batch_spec(tmp_path, mock, "openai", rows=20)
    run = only_run(bench, spec)
    runs = [run]

    async def call_live_too() -> None:
        async with submitted(bench, run.id):
            runs.append(only_run(bench, spec.model_copy(update={"mode": "live"})))

    asyncio.run(call_live_too())
    by_batch, live = (bench.run(each.id).progress for each in runs)
    assert (by_batch.cached, live.cached, mock.stats()["answered"]) == (0, 0, 40)
    assert by_batch.cost_usd == pytest.approx(live.cost_usd / 2)


def test_chunk_workers_submit_a_run_whole(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    """No row is called live because a part of the run is too small for a job."""
    run = only_run(bench, batch_spec(tmp_path, mock, "bedrock", rows=330))

    async def go() -> None:
        worker = chunk_worker(bench)
        for chunk in await worker.advance_run(run.id):
            await worker.work_chunk(run.id, chunk)
        await worker.close()

    asyncio.run(go())
    assert bench.run(run.id).progress.scored == mock.stats()["answered_in_batch"] == 330
