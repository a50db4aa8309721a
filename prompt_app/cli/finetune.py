"""``prompt-app finetune``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt_app.cli.common import AsJson, console, notices, print_json, print_table
from prompt_app.cli.opening import opened_workbench

if TYPE_CHECKING:
    from prompt_app.datamodel.finetuning import FinetuneJob, TrainingCheck, TrainingSource
    from prompt_app.workbench import Workbench

LOOK_SECONDS = 5.0

app = typer.Typer(help="Training files, fine-tuning jobs and their models.", no_args_is_help=True)
Data = Annotated[
    str | None, typer.Argument(help="A file, or a stored dataset (name or name@number).")
]
Runs = Annotated[
    list[str] | None, typer.Option("--run", help="Take the best rows of this run; repeatable.")
]
Metric = Annotated[str | None, typer.Option(help="By which rows of runs are the best.")]
AtLeast = Annotated[float | None, typer.Option(help="Least score of a row of a run.")]
Most = Annotated[int | None, typer.Option(min=1, help="So many examples at most.")]
Prompt = Annotated[str, typer.Option(help="Field, or template such as 'Q: {question}'.")]
Response = Annotated[str, typer.Option(help="Field, or template, of the answer.")]
System = Annotated[str | None, typer.Option(help="System prompt in front of each example.")]
Split = Annotated[str | None, typer.Option(help="Take this split of the dataset alone.")]
Evaluation = Annotated[
    list[str] | None,
    typer.Option(help="Dataset that must stay unseen: name or name:split; repeatable."),
]
Provider = Annotated[str, typer.Option(help="openai or bedrock.")]
Price = Annotated[float | None, typer.Option(min=0, help="US dollars per million training tokens.")]
Epochs = Annotated[int | None, typer.Option(min=1, max=50, help="Passes over the examples.")]


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="Training file to write, JSONL.")],
    data: Data = None,
    *,
    runs: Runs = None,
    metric: Metric = None,
    at_least: AtLeast = None,
    most: Most = None,
    prompt: Prompt = "Prompt",
    response: Response = "Response",
    system: System = None,
    split: Split = None,
    provider: Provider = "openai",
    as_json: AsJson = False,
) -> None:
    """Write training examples in the provider's chat format."""
    with opened_workbench() as workbench:
        source = _source(
            workbench, data, runs=runs, metric=metric, at_least=at_least, most=most,
            prompt=prompt, response=response, system=system, split=split,
        )  # fmt: skip
        count = workbench.finetuning.export(source, out, _provider(provider))
    if as_json:
        print_json({"file": str(out), "examples": count})
    else:
        console.print(f"{count} examples in {out}", markup=False)


@app.command("validate")
def validate(
    data: Data = None,
    *,
    runs: Runs = None,
    metric: Metric = None,
    at_least: AtLeast = None,
    most: Most = None,
    prompt: Prompt = "Prompt",
    response: Response = "Response",
    system: System = None,
    split: Split = None,
    evaluation: Evaluation = None,
    epochs: Epochs = None,
    price: Price = None,
    as_json: AsJson = False,
) -> None:
    """Check roles, lengths, duplicates and leakage of training examples. No provider is asked; a
    file is stored as a dataset."""
    with opened_workbench() as workbench:
        source = _source(
            workbench, data, runs=runs, metric=metric, at_least=at_least, most=most,
            prompt=prompt, response=response, system=system, split=split, evaluation=evaluation,
        )  # fmt: skip
        check = workbench.finetuning.check(source)
    if as_json:
        print_json(check)
    else:
        _print_check(check, epochs, price)
    if check.errors or check.leaks:
        raise typer.Exit(2)


@app.command("start")
def start(
    base_model: Annotated[str, typer.Argument(help="The provider's name of the model to train.")],
    name: Annotated[str, typer.Argument(help="Becomes part of the new model's name.")],
    data: Data = None,
    *,
    runs: Runs = None,
    metric: Metric = None,
    at_least: AtLeast = None,
    most: Most = None,
    prompt: Prompt = "Prompt",
    response: Response = "Response",
    system: System = None,
    split: Split = None,
    evaluation: Evaluation = None,
    provider: Provider = "openai",
    epochs: Epochs = None,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Start although evaluation rows are among them.")
    ] = False,
    role_arn: Annotated[
        str | None,
        typer.Option(help="Bedrock: role that reads the file, else PROMPT_APP_TUNING_ROLE_ARN."),
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(help="Bedrock: s3://bucket/prefix, else PROMPT_APP_TUNING_URL.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate the examples, upload them and start a job."""
    with opened_workbench() as workbench:
        source = _source(
            workbench, data, runs=runs, metric=metric, at_least=at_least, most=most,
            prompt=prompt, response=response, system=system, split=split, evaluation=evaluation,
        )  # fmt: skip
        request = _record(
            "FinetuneRequest", provider=provider, base_model=base_model, name=name, source=source,
            epochs=epochs, allow_leaks=allow_leaks, role_arn=role_arn, bucket=bucket,
        )  # fmt: skip
        job = workbench.finetuning.start(request)
        if follow:
            job = _followed(workbench, job)
    _show(job, as_json=as_json)


@app.command("status")
def status(
    job_id: Annotated[str | None, typer.Argument(help="Job; all of them when absent.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the provider how a job stands, or list all jobs."""
    with opened_workbench() as workbench:
        if job_id is not None:
            job = workbench.finetuning.refresh(job_id)
            _show(_followed(workbench, job) if follow else job, as_json=as_json)
            return
        jobs = workbench.finetuning.jobs(limit=100).items
    if as_json:
        print_json(jobs)
        return
    rows = [
        [job.id, job.status.state, job.request.base_model, job.examples, job.reference or "",
         job.status.message]
        for job in jobs
    ]  # fmt: skip
    print_table(["job", "state", "base", "examples#", "model", ""], rows, "No jobs yet.")


@app.command("cancel")
def cancel(job_id: Annotated[str, typer.Argument(help="Job.")], as_json: AsJson = False) -> None:
    """Cancel a job."""
    with opened_workbench() as workbench:
        _show(workbench.finetuning.cancel(job_id), as_json=as_json)


def _source(workbench: Workbench, data: str | None, **options: Any) -> TrainingSource:
    """A file is stored as a dataset first."""
    if data is not None and Path(data).is_file():
        data = workbench.finetuning.import_file(data, options["response"])
    runs, evaluation = options.pop("runs"), options.pop("evaluation", None)
    source: TrainingSource = _record(
        "TrainingSource", dataset=data, runs=runs or (), evaluation=evaluation or (), **options
    )
    return source


def _record(kind: str, **fields: Any) -> Any:
    from pydantic import ValidationError

    from prompt_app.datamodel import finetuning
    from prompt_app.errors import EvaluationError
    from prompt_app.workbench.files import describe_problems

    try:
        return getattr(finetuning, kind).model_validate(fields)
    except ValidationError as error:
        raise EvaluationError(describe_problems(error).removeprefix("evaluation: ")) from None


def _provider(name: str) -> Any:
    from prompt_app.errors import EvaluationError

    if name not in {"openai", "bedrock"}:
        raise EvaluationError(f"Jobs run at openai or bedrock, not at {name!r}.")
    return name


def _print_check(check: TrainingCheck, epochs: int | None, price: float | None) -> None:
    passes = epochs or 3
    tokens = check.tokens * passes
    console.print(f"{check.examples:,} examples, about {check.tokens:,} tokens")
    console.print(f"longest example: about {check.longest:,} tokens")
    cost = "" if price is None else f", about ${tokens * price / 1e6:,.2f}"
    console.print(f"{passes} epochs: about {tokens:,} training tokens{cost}")
    against = ", ".join(check.checked_against) or "no evaluation split is stored"
    console.print(f"leakage checked against: {against}", markup=False)
    for warning in check.warnings:
        notices.print(f"warning: {warning}", markup=False)
    for leak in check.leaks[:20]:
        notices.print(f"leak: {leak}", markup=False)
    if len(check.leaks) > 20:
        notices.print(f"and {len(check.leaks) - 20} more leaks")
    for error in check.errors:
        notices.print(f"error: {error}", markup=False)


def _followed(workbench: Workbench, job: FinetuneJob) -> FinetuneJob:
    state = ""
    while True:
        if job.status.state != state:
            state = job.status.state
            notices.print(f"{job.id}: {state}", markup=False)
        if job.has_ended:
            return job
        time.sleep(LOOK_SECONDS)
        job = workbench.finetuning.refresh(job.id)


def _show(job: FinetuneJob, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        parts = [job.id, job.status.state, job.reference or "", job.status.message]
        console.print("  ".join(part for part in parts if part), markup=False)
    if job.status.state == "failed":
        raise typer.Exit(1)
