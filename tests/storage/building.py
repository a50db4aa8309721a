"""Small objects to put into a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.datamodel.evaluation import (
    Evaluation,
    EvaluationSpec,
    Limits,
    Progress,
    Run,
    RunSpec,
    SampleKey,
)
from prompt_app.datamodel.model import InferenceParameters, ModelSpec, Output, Reply, TokenUsage
from prompt_app.datamodel.prompt import PinnedPrompt, PromptTemplate
from prompt_app.datamodel.score import Failure, MetricSpec, Score
from prompt_app.interfaces import (
    Lease,
    SampleResult,
    SampleScores,
    Store,
    StoredReply,
    WorkerIdentity,
    WriteBatch,
)

NANO = 1_000_000_000
_numbers = count(1)


def examples(rows: int, **more: Any) -> list[Example]:
    return [
        Example(id=f"e{n}", position=n, fields={"question": f"Question {n}?", **more})
        for n in range(rows)
    ]


def save_dataset(
    store: Store, rows: int | Iterable[Example] = 5, name: str = "data"
) -> DatasetVersion:
    given = examples(rows) if isinstance(rows, int) else rows
    return store.save_dataset_version(name, DatasetOptions(), given)


def spec_of(metrics: Sequence[str] = ("exact_match",), **changes: Any) -> EvaluationSpec:
    return EvaluationSpec.model_validate(
        {
            "dataset": "data",
            "prompts": ["plain"],
            "models": ["offline:echo"],
            "metrics": list(metrics),
            **changes,
        }
    )


def run_spec(version: DatasetVersion, metrics: Sequence[Any] = ("exact_match",)) -> RunSpec:
    template = PromptTemplate.model_validate("{question}")
    return RunSpec(
        dataset_version=version.id,
        dataset_name=version.name,
        reference_field="answers",
        prompt=PinnedPrompt(name="plain", version_id=template.content_id, template=template),
        model=ModelSpec(provider="offline", name="echo"),
        parameters=InferenceParameters(),
        metrics=tuple(MetricSpec.model_validate(metric) for metric in metrics),
        repeats=1,
        limits=Limits(),
        cache="use",
    )


def submit(
    store: Store,
    *,
    runs: int = 1,
    rows: int | Iterable[Example] = 5,
    cap_usd: float | None = None,
    metrics: Sequence[Any] = ("exact_match",),
    key: str | None = None,
) -> tuple[Evaluation, list[Run]]:
    """A saved evaluation with its queued runs."""
    version = save_dataset(store, rows)
    number = next(_numbers)
    evaluation = Evaluation(
        id=f"evaluation-{number}",
        name=f"trial-{number}",
        key=key or f"key-{number}",
        spec=spec_of(),
        run_ids=(),
        max_cost_usd=cap_usd,
    )
    wanted = [
        Run(
            id=f"run-{number}-{each}-{'x' * 8}",
            evaluation_id=evaluation.id,
            name=f"plain on echo {number}-{each}",
            spec=run_spec(version, metrics),
            progress=Progress(total=version.rows, excluded=2, skipped_rows=1),
        )
        for each in range(runs)
    ]
    return store.create_evaluation(evaluation, wanted), wanted


def a_worker(name: str = "a") -> WorkerIdentity:
    """On another machine, so that only its heartbeat tells whether it lives."""
    return WorkerIdentity(f"host-{name}", 1, f"start-{name}")


def claimed(store: Store, **submission: Any) -> Lease:
    """A lease on the only run of a new evaluation."""
    evaluation, _ = submit(store, **submission)
    lease = store.claim_run(a_worker(), evaluation_id=evaluation.id)
    assert lease is not None
    return lease


def key(number: int, repeat: int = 0) -> SampleKey:
    return SampleKey(example_id=f"e{number}", repeat=repeat)


def a_reply(text: str = "Yes.", **more: Any) -> Reply:
    usage = TokenUsage(input=10, output=3, cached_input=2, cache_write=1, reasoning=1)
    return Reply(outputs=(Output(text=text),), usage=usage, **more)


def answer(number: int, text: str = "Yes.", *, repeat: int = 0, cost: float = 0.25) -> WriteBatch:
    """One answered sample with its reply."""
    reply_id = f"reply-{number}-{repeat}-{next(_numbers)}"
    stored = StoredReply(reply_id, f"cache-{number}", a_reply(text), cost)
    result = SampleResult(key(number, repeat), number, reply_id, cost_usd=cost)
    return WriteBatch(replies=[stored], results=[result])


def failed(number: int, kind: str = "server", message: str = "It broke.") -> WriteBatch:
    result = SampleResult(key(number), number, None, error_kind=kind, error_message=message)
    return WriteBatch(results=[result])


def scored(
    number: int, value: float | None, metric: str = "exact_match", *, cost: float = 0.0
) -> WriteBatch:
    return WriteBatch(scores=[SampleScores(key(number), (outcome(value, metric, cost=cost),))])


def outcome(
    value: float | None, metric: str = "exact_match", *, cost: float = 0.0
) -> Score | Failure:
    if value is None:
        return Failure(metric=metric, kind="metric", message="odd", version="1", cost_usd=cost)
    return Score(metric=metric, value=value, version="1", cost_usd=cost)


def together(*batches: WriteBatch) -> WriteBatch:
    whole = WriteBatch()
    for batch in batches:
        whole.replies += batch.replies
        whole.results += batch.results
        whole.scores += batch.scores
        whole.released_nanousd += batch.released_nanousd
        whole.spent_nanousd += batch.spent_nanousd
    return whole
