"""Training examples from datasets and runs, their validation, and jobs at the mock server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from engine.runs import echo_spec, only_run, rows_file, temporary_workbench, work
from mock_process import MockProcess
from moto.server import ThreadedMotoServer

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.finetuning import FinetuneRequest, TrainingSource
from prompt_app.errors import (
    AuthenticationError,
    EvaluationError,
    InputError,
    PermissionDeniedError,
    RequestRefusedError,
)
from prompt_app.workbench import Workbench
from prompt_app.workbench.finetuning import follow_jobs


@pytest.fixture(scope="module")
def server() -> Iterator[MockProcess]:
    with MockProcess() as running:
        yield running


@pytest.fixture
def bench(tmp_path: Path, server: MockProcess) -> Iterator[Workbench]:
    opened = temporary_workbench(tmp_path, openai_base_url=f"{server.url}/v1")
    yield opened
    opened.close()


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "training.xlsx"
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Prompt", "Response"])
    for number in range(12):
        book.active.append([f"What is {number} and {number}?", f"It is {number * 2}."])
    book.save(path)
    return path


def lines_of(bench: Workbench, **source: Any) -> list[dict[str, Any]]:
    text = bench.finetuning.lines(TrainingSource.model_validate(source)).decode()
    return [json.loads(line) for line in text.splitlines()]


def add(bench: Workbench, folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = DatasetOptions(reference_field="answers", split_field="split")
    bench.import_dataset(path, options=options)


def test_a_sheet_with_prompts_and_responses_becomes_chats(bench: Workbench, sheet: Path) -> None:
    dataset = bench.finetuning.import_file(str(sheet))
    lines = lines_of(bench, dataset=dataset, system="Be brief.")
    assert len(lines) == 12
    assert lines[3]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 3 and 3?"},
        {"role": "assistant", "content": "It is 6."},
    ]
    check = bench.finetuning.check(TrainingSource(dataset=dataset))
    assert (check.examples, check.errors, check.leaks) == (12, (), ())
    assert check.tokens > check.longest > 10


def test_any_fields_and_templates_do(bench: Workbench, tmp_path: Path) -> None:
    rows = [{"q": f"row {n}", "answers": [f"a{n}", "b"], "split": "train"} for n in range(3)]
    add(bench, tmp_path, "own", rows)
    found = lines_of(bench, dataset="own", prompt="Q: {q}", response="answers", most=2)
    assert [line["messages"][0]["content"] for line in found] == ["Q: row 0", "Q: row 1"]
    assert found[0]["messages"][1]["content"] == "a0"
    with pytest.raises(InputError, match="no field 'Prompt'"):
        lines_of(bench, dataset="own")
    with pytest.raises(InputError, match="no split 'test'"):
        lines_of(bench, dataset="own", split="test")


def test_bedrock_has_a_form_of_its_own(bench: Workbench, sheet: Path) -> None:
    source = TrainingSource(dataset=bench.finetuning.import_file(str(sheet)), system="S")
    line = json.loads(bench.finetuning.lines(source, "bedrock").splitlines()[0])
    assert line == {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "S"}],
        "messages": [
            {"role": "user", "content": [{"text": "What is 0 and 0?"}]},
            {"role": "assistant", "content": [{"text": "It is 0."}]},
        ],
    }


def test_the_best_rows_of_runs_become_examples(
    bench: Workbench, server: MockProcess, tmp_path: Path
) -> None:
    good = only_run(bench, echo_spec(rows_file(tmp_path, 12), server.url))
    wrong = {"prompts": [{"name": "w", "template": "no {question}"}]}
    bad = only_run(bench, echo_spec(rows_file(tmp_path, 12), server.url, **wrong))
    work(bench)
    runs = (bad.id, good.id)
    source = TrainingSource(runs=runs, metric="exact_match", at_least=0.5, most=11)
    examples = bench.finetuning.examples(source)
    assert len(examples) == 11
    assert {example.origin.split()[1] for example in examples} == {good.id}
    assert examples[0].messages[0].content == examples[0].messages[1].content
    with pytest.raises(EvaluationError, match="no metric 'f1'; its metrics: exact_match"):
        bench.finetuning.examples(TrainingSource(runs=runs, metric="f1"))


def test_validation_names_what_is_wrong(bench: Workbench, tmp_path: Path) -> None:
    rows = [
        {"Prompt": f"p{n}", "Response": f"r{n}", "answers": [], "split": "train"} for n in range(4)
    ]
    rows += [{**rows[0]}, {**rows[1], "Response": "other"}, {**rows[2], "Prompt": " "}]
    rows += [{**rows[3], "Prompt": "x" * 300_000}]
    add(bench, tmp_path, "mixed", rows)
    check = bench.finetuning.check(TrainingSource(dataset="mixed"))
    text = "\n".join(check.errors)
    assert "an empty message" in text
    assert "takes 10 or more" in text
    assert "at most 65,536 are used" in text
    assert check.warnings == (
        "1 examples are copies of others: they count more than once.",
        "1 examples give another answer to a prompt that occurs before.",
    )


def test_rows_of_evaluation_splits_are_found(bench: Workbench, tmp_path: Path) -> None:
    train = [
        {"Prompt": f"Question {n}", "Response": "r", "answers": ["r"], "split": "train"}
        for n in range(12)
    ]
    held = [{**train[4], "Prompt": " question  4", "split": "test"}]
    add(bench, tmp_path, "own", [*train, *held])
    other = [{"q": "Question 7", "split": "dev"}, {"q": "Question 8", "split": "extra"}]
    add(bench, tmp_path, "other", [{**row, "answers": ["x"]} for row in other])
    check = bench.finetuning.check(TrainingSource(dataset="own", split="train"))
    assert sorted(check.checked_against) == ["other@1:dev", "own@1:test"]
    assert len(check.leaks) == 2
    assert any("of own@1:test" in leak for leak in check.leaks)
    wider = TrainingSource(dataset="own", split="train", evaluation=("other",))
    assert len(bench.finetuning.check(wider).leaks) == 3
    request = FinetuneRequest(base_model="gpt-4o-mini", name="leaky", source=wider)
    with pytest.raises(EvaluationError, match="3 training rows stand in evaluation splits"):
        bench.finetuning.start(request)
    allowed = request.model_copy(update={"allow_leaks": True})
    assert bench.finetuning.start(allowed).status.state == "queued"


def test_a_job_is_followed_until_its_model_is_in_the_catalogue(
    bench: Workbench, sheet: Path
) -> None:
    source = TrainingSource(dataset=bench.finetuning.import_file(str(sheet)))
    request = FinetuneRequest(
        base_model="gpt-4o-mini-2024-07-18", name="sums", source=source, epochs=2
    )
    job = bench.finetuning.start(request)
    assert (job.status.state, job.examples) == ("queued", 12)
    assert bench.finetuning.refresh(job.id).status.state == "running"
    assert bench.finetuning.jobs(active=True).total == 1
    done = bench.finetuning.refresh(job.id)
    assert done.status.state == "succeeded"
    assert done.reference is not None
    assert done.reference.startswith("openai:ft:gpt-4o-mini-2024-07-18:mock:sums:")
    assert bench.finetuning.jobs().items[0] == done
    assert bench.finetuning.jobs(active=True).total == 0
    (card,) = [card for card in bench.list_models() if card.kind == "fine-tuned"]
    assert (card.reference, card.price is not None) == (done.reference, True)
    with pytest.raises(EvaluationError, match="already ended"):
        bench.finetuning.cancel(job.id)


def test_a_worker_follows_jobs_that_nobody_watches(bench: Workbench, sheet: Path) -> None:
    source = TrainingSource(dataset=bench.finetuning.import_file(str(sheet)))
    job = bench.finetuning.start(FinetuneRequest(base_model="m", name="x", source=source))

    async def follow() -> None:
        stop = asyncio.Event()
        following = asyncio.create_task(follow_jobs(bench.store, bench.settings, stop))
        async with asyncio.timeout(20):
            while bench.finetuning.job(job.id).status.state != "running":
                await asyncio.sleep(0.02)
        stop.set()
        await following

    asyncio.run(follow())


def test_a_job_can_fail_and_be_cancelled(bench: Workbench, sheet: Path) -> None:
    source = TrainingSource(dataset=bench.finetuning.import_file(str(sheet)))
    bad = bench.finetuning.start(FinetuneRequest(base_model="fail-1", name="x", source=source))
    for _ in range(2):
        bad = bench.finetuning.refresh(bad.id)
    assert (bad.status.state, bad.reference) == ("failed", None)
    assert bad.status.message == "The loss was not finite."
    other = bench.finetuning.start(FinetuneRequest(base_model="m", name="y", source=source))
    assert bench.finetuning.cancel(other.id).status.state == "cancelled"
    assert not [card for card in bench.list_models() if card.kind == "fine-tuned"]


def test_a_job_at_bedrock_reads_its_file_from_the_bucket(
    bench: Workbench, sheet: Path, server: MockProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    try:
        _, port = moto.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_BEDROCK": server.url,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="tuning")
        source = TrainingSource(dataset=bench.finetuning.import_file(str(sheet)))
        request = FinetuneRequest(
            provider="bedrock", base_model="amazon.nova-micro-v1:0:128k", name="sums",
            source=source, role_arn="arn:aws:iam::000000000000:role/tune", bucket="s3://tuning/a",
        )  # fmt: skip
        job = bench.finetuning.start(request)
        stored = s3.get_object(Bucket="tuning", Key=f"a/{job.id}.jsonl")["Body"].read()
        assert stored == bench.finetuning.lines(source, "bedrock")
        assert bench.finetuning.refresh(job.id).status.state == "running"
        done = bench.finetuning.refresh(job.id)
        assert done.status.state == "succeeded"
        assert "custom-model/sums-" in str(done.reference)
        other = bench.finetuning.start(request)
        assert bench.finetuning.cancel(other.id).status.state == "cancelled"
        unplaced = request.model_copy(update={"role_arn": None, "bucket": None})
        with pytest.raises(EvaluationError, match="needs a role"):
            bench.finetuning.start(unplaced)
        deployed = {"tuning_role_arn": request.role_arn, "tuning_url": "s3://tuning/deployed"}
        settings = bench.settings.model_copy(update=deployed)
        third = Workbench(settings, bench.store).finetuning.start(unplaced)
        assert s3.head_object(Bucket="tuning", Key=f"deployed/{third.id}.jsonl")["ContentLength"]
        for each in s3.list_objects_v2(Bucket="tuning")["Contents"]:  # all servers share a state
            s3.delete_object(Bucket="tuning", Key=each["Key"])
        s3.delete_bucket(Bucket="tuning")
    finally:
        moto.stop()


def test_what_the_provider_refuses_is_said(
    bench: Workbench, sheet: Path, server: MockProcess, tmp_path: Path
) -> None:
    from prompt_app.providers.finetuning import OpenAIFinetuner

    finetuner = OpenAIFinetuner(bench.settings)
    request = FinetuneRequest(base_model="m", name="x", source=TrainingSource(dataset="d"))
    with pytest.raises(RequestRefusedError, match="Line 1 does not end with an answer"):
        finetuner.start(request, b'{"messages": [{"role": "user", "content": "a"}]}\n', "job")
    closed = bench.settings.model_copy(update={"openai_base_url": "https://api.openai.com/v1"})
    with pytest.raises(AuthenticationError):
        OpenAIFinetuner(closed).status("ftjob-1")


def test_viewers_start_nothing(bench: Workbench, sheet: Path) -> None:
    source = TrainingSource(dataset=bench.finetuning.import_file(str(sheet)))
    viewer = bench.acting_as(Person(id="v", name="Vi", role=Role.VIEWER)).finetuning
    with pytest.raises(PermissionDeniedError):
        viewer.start(FinetuneRequest(base_model="m", name="x", source=source))
    assert viewer.check(source).examples == 12
