"""Runs in ``mode: batch``, at OpenAI's protocol and at Bedrock's with its files in moto's S3."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from engine.runs import echo_spec, only_run, rows_file, temporary_workbench, work
from mock_process import MockProcess
from moto.server import ThreadedMotoServer

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.engine import job_stage
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Lease
from prompt_app.interfaces.batch_jobs import BatchJob
from prompt_app.workbench import Workbench

ROWS = 150
PRICE = {"input": 100.0, "output": 200.0}


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_stage, "FIRST_LOOK_SECONDS", 0.1)


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
    working = asyncio.create_task(bench.work(stop))
    await submitted(bench, run_id, working)
    stop.set()
    await working


async def submitted(bench: Workbench, run_id: str, working: asyncio.Task[None]) -> None:
    while not any(job.provider_id for job in jobs_of(bench, run_id)):
        assert not working.done()
        await asyncio.sleep(0.05)


def jobs_of(bench: Workbench, run_id: str) -> list[BatchJob]:
    return bench.store.batch_jobs(Lease(bench.run(run_id), 0))


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


def test_a_jobs_replies_are_kept_where_another_run_answered_the_same_meanwhile(
    bench: Workbench, mock: MockProcess, tmp_path: Path
) -> None:
    """They are paid for: their rows and their cost are the job's."""
    mock.control(batch_seconds=2)
    spec = batch_spec(tmp_path, mock, "openai", rows=20)
    run = only_run(bench, spec)
    asyncio.run(work_until_submitted(bench, run.id))
    live = only_run(bench, spec.model_copy(update={"mode": "live"}))
    work(bench)
    progress = bench.run(run.id).progress
    assert mock.stats()["answered"] == 2 * 20
    assert (progress.scored, progress.cached) == (20, 0)
    assert progress.cost_usd == pytest.approx(bench.run(live.id).progress.cost_usd / 2) != 0


def test_a_job_whose_answer_was_lost_is_found_by_its_token(
    bench: Workbench, mock: MockProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between the provider's taking the job and the store's noting it."""
    saved = job_stage.JobStage._save

    async def dies(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(job_stage.JobStage, "_save", dies)
    run = only_run(bench, batch_spec(tmp_path, mock, "openai"))
    work(bench)
    assert bench.run(run.id).state == "failed"
    monkeypatch.setattr(job_stage.JobStage, "_save", saved)
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
        working = asyncio.create_task(bench.work(asyncio.Event(), until_idle=True))
        await submitted(bench, run.id, working)
        bench.cancel(run.id)
        await working

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
