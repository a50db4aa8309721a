"""What may be asked of a run in which state."""

from __future__ import annotations

from typing import Any

import pytest
from storage.building import (
    a_worker,
    answer,
    claimed,
    failed,
    key,
    scored,
    submit,
    together,
)

from prompt_app.datamodel.evaluation import Run, RunState
from prompt_app.datamodel.score import MetricSpec
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.interfaces import Lease
from prompt_app.storage.store import SqlStore


def in_state(store: SqlStore, state: RunState) -> str:
    lease = claimed(store)
    if state == "queued":
        store.end_run(lease, "queued")
    elif state != "running":
        store.end_run(lease, state)
    return lease.run.id


def metric_specs(*metrics: Any) -> tuple[MetricSpec, ...]:
    return tuple(MetricSpec.model_validate(metric) for metric in metrics)


@pytest.mark.parametrize(
    ("state", "request_", "becomes"),
    [
        ("queued", "pause", "paused"),
        ("queued", "cancel", "cancelled"),
        ("paused", "cancel", "cancelled"),
    ],
)
def test_a_run_that_nobody_holds_changes_at_once(
    store: SqlStore, state: RunState, request_: Any, becomes: str
) -> None:
    run_id = in_state(store, state)
    run = store.request_run(run_id, request_)
    assert (run.state, run.requested) == (becomes, None)
    assert "on request" in run.reason
    assert (run.ended_at is not None) == (becomes == "cancelled")
    assert store.get_run(run_id) == run
    assert store.claim_run(a_worker()) is None


@pytest.mark.parametrize(
    ("state", "request_"),
    [
        ("paused", "pause"),
        *((s, r) for s in ("finished", "cancelled", "failed") for r in ("pause", "cancel")),
    ],
)
def test_what_a_state_does_not_allow_is_refused(
    store: SqlStore, state: RunState, request_: Any
) -> None:
    run_id = in_state(store, state)
    before = store.get_run(run_id)
    with pytest.raises(EvaluationError, match=f"is {state}: there is nothing to {request_}"):
        store.request_run(run_id, request_)
    assert store.get_run(run_id) == before


def test_a_running_run_is_asked_through_its_heartbeat(store: SqlStore) -> None:
    lease = claimed(store)
    assert store.heartbeat(lease) is None
    assert store.request_run(lease.run.id, "pause").requested == "pause"
    assert store.heartbeat(lease) == "pause"
    assert store.request_run(lease.run.id, "cancel").requested == "cancel"
    assert store.heartbeat(lease) == "cancel"
    with pytest.raises(EvaluationError, match="is being cancelled"):
        store.request_run(lease.run.id, "pause")
    run = store.end_run(lease, "cancelled", reason="as asked")
    assert (run.state, run.requested, run.reason) == ("cancelled", None, "as asked")


@pytest.mark.parametrize(
    ("ends_as", "requested", "becomes"),
    [
        ("queued", "pause", "paused"),
        ("queued", "cancel", "cancelled"),
        ("paused", "cancel", "cancelled"),
        ("paused", "pause", "paused"),
        ("finished", "pause", "finished"),
        ("finished", "cancel", "finished"),
        ("failed", "cancel", "failed"),
    ],
)
def test_a_request_that_comes_too_late_for_the_worker_still_holds(
    store: SqlStore, ends_as: RunState, requested: Any, becomes: str
) -> None:
    lease = claimed(store)
    store.request_run(lease.run.id, requested)
    run = store.end_run(lease, ends_as)
    assert (run.state, run.requested) == (becomes, None)


@pytest.mark.parametrize("state", ["paused", "cancelled", "failed"])
def test_a_run_that_stopped_is_queued_again(store: SqlStore, state: RunState) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), failed(1)))
    store.end_run(lease, state, reason="because")
    run = store.requeue_run(lease.run.id)
    assert (run.state, run.reason, run.ended_at) == ("queued", "", None)
    assert (run.progress.answered, run.progress.failed) == (1, 1)
    again = store.claim_run(a_worker("b"))
    assert again is not None
    assert again.fence > lease.fence


@pytest.mark.parametrize("state", ["queued", "running"])
@pytest.mark.parametrize("retry_failed", [False, True])
def test_an_active_run_is_not_queued_again(
    store: SqlStore, state: RunState, retry_failed: bool
) -> None:
    run_id = in_state(store, state)
    with pytest.raises(EvaluationError, match=f"is {state} already"):
        store.requeue_run(run_id, retry_failed=retry_failed)


def test_a_finished_run_is_queued_only_for_its_failed_samples(store: SqlStore) -> None:
    lease = claimed(store, rows=3)
    store.write_batch(lease, together(answer(0), failed(1), failed(2)))
    store.write_batch(lease, scored(0, 1.0))
    store.end_run(lease, "finished")
    with pytest.raises(EvaluationError, match="has finished: there is nothing to do"):
        store.requeue_run(lease.run.id)
    run = store.requeue_run(lease.run.id, retry_failed=True)
    progress = run.progress
    assert (progress.total, progress.answered, progress.scored, progress.failed) == (3, 1, 1, 0)
    assert dict(store.sample_states(lease.run.id, ["e0", "e1", "e2"])) == {key(0): "scored"}
    assert store.count_errors(lease.run.id) == {}
    again = store.claim_run(a_worker())
    assert again is not None
    store.write_batch(again, together(answer(1), answer(2)))
    store.end_run(again, "finished")
    with pytest.raises(EvaluationError, match="has no failed samples"):
        store.requeue_run(lease.run.id, retry_failed=True)


def finished_with_scores(store: SqlStore) -> tuple[Lease, Run]:
    lease = claimed(store, metrics=["exact_match", "judge"])
    store.write_batch(lease, together(answer(0), answer(1), answer(2), failed(3)))
    for number in (0, 1):
        both = (
            scored(number, 1.0).scores[0].outcomes
            + scored(number, 0.5 if number else None, "judge", cost=2.0).scores[0].outcomes
        )
        batch = scored(number, 1.0)
        batch.scores[0] = type(batch.scores[0])(key(number), both)
        store.write_batch(lease, batch)
    store.write_batch(lease, scored(2, 0.0))
    return lease, store.end_run(lease, "finished")


def test_a_new_metric_sends_scored_samples_back_to_answered(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(0), answer(1), failed(2)))
    store.write_batch(lease, together(scored(0, 1.0), scored(1, 0.0)))
    run = store.end_run(lease, "finished")
    rescored = store.rescore_run(run.id, metric_specs("f1"))
    assert rescored.state == "queued"
    assert [metric.key for metric in rescored.spec.metrics] == ["exact_match", "f1"]
    progress = rescored.progress
    assert (progress.answered, progress.scored, progress.failed) == (2, 0, 1)
    again = store.claim_run(a_worker())
    assert again is not None
    waiting = store.unscored_samples(run.id, ["exact_match", "f1"])
    assert [(sample.position, len(sample.scores)) for sample in waiting] == [(0, 1), (1, 1)]
    store.write_batch(again, together(scored(0, 0.5, "f1"), scored(1, 0.25, "f1")))
    assert store.unscored_samples(run.id, ["exact_match", "f1"]) == []
    assert store.get_run(run.id).progress.scored == 2
    assert list(store.iterate_outcomes(run.id, "f1")) == [("e0", 0, 0.5), ("e1", 0, 0.25)]
    assert list(store.iterate_outcomes(run.id, "exact_match")) == [("e0", 0, 1), ("e1", 0, 0)]


def test_a_named_metric_is_scored_again_and_the_others_are_kept(store: SqlStore) -> None:
    _, run = finished_with_scores(store)
    rescored = store.rescore_run(run.id, metric_specs("exact_match"))
    assert rescored.spec.metrics == run.spec.metrics
    assert rescored.progress.scored == 0
    assert list(store.iterate_outcomes(run.id, "exact_match")) == []
    kept = [("e0", 0, None), ("e1", 0, 0.5)]
    assert list(store.iterate_outcomes(run.id, "judge")) == kept


def test_only_tries_failed_outcomes_again_and_keeps_the_rest(store: SqlStore) -> None:
    _, run = finished_with_scores(store)
    assert run.progress.judge_cost_usd == 4.0
    rescored = store.rescore_run(run.id, run.spec.metrics, only=True)
    assert (rescored.progress.answered, rescored.progress.scored) == (3, 1)
    waiting = store.unscored_samples(run.id, ["exact_match", "judge"])
    assert [sample.position for sample in waiting] == [0, 2]
    again = store.claim_run(a_worker())
    assert again is not None
    store.write_batch(again, scored(0, 0.75, "judge", cost=1.0))
    progress = store.get_run(run.id).progress
    assert (progress.scored, progress.judge_cost_usd) == (2, 5.0)


def test_a_metric_with_other_options_is_scored_anew(store: SqlStore) -> None:
    _, run = finished_with_scores(store)
    other = metric_specs({"name": "exact_match", "options": {"fold": True}})
    rescored = store.rescore_run(run.id, other)
    assert rescored.spec.metrics == other + metric_specs("judge")
    assert rescored.progress.scored == 0
    assert list(store.iterate_outcomes(run.id, "exact_match")) == []
    assert [value for *_, value in store.iterate_outcomes(run.id, "judge")] == [None, 0.5]


def test_fewer_metrics_leave_nothing_to_score(store: SqlStore) -> None:
    _, run = finished_with_scores(store)
    rescored = store.rescore_run(run.id, metric_specs("exact_match"), only=True)
    assert rescored.spec.metrics == metric_specs("exact_match")
    assert list(store.iterate_outcomes(run.id, "judge")) == []
    assert (rescored.progress.answered, rescored.progress.scored) == (3, 3)
    assert store.unscored_samples(run.id, ["exact_match"]) == []


@pytest.mark.parametrize("state", ["queued", "running", "paused", "cancelled", "failed"])
def test_only_a_finished_run_is_scored_again(store: SqlStore, state: RunState) -> None:
    run_id = in_state(store, state)
    with pytest.raises(EvaluationError, match=f"is {state}; only a finished run"):
        store.rescore_run(run_id, metric_specs("f1"))


def test_unknown_runs(store: SqlStore) -> None:
    _, (run,) = submit(store)
    for call in (
        lambda: store.request_run("nothing", "pause"),
        lambda: store.requeue_run("nothing"),
        lambda: store.rescore_run("nothing", run.spec.metrics),
    ):
        with pytest.raises(UnknownNameError):
            call()
