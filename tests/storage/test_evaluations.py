from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from storage.building import a_worker, run_spec, save_dataset, spec_of, submit

from prompt_app.datamodel.evaluation import Evaluation, Run
from prompt_app.errors import ConflictError, EvaluationError, UnknownNameError
from prompt_app.storage.store import SqlStore


def test_an_evaluation_and_its_runs_come_back(store: SqlStore) -> None:
    evaluation, runs = submit(store, runs=2, cap_usd=1.5, metrics=["exact_match", "f1"])
    found = store.get_evaluation(evaluation.id)
    assert found == evaluation
    assert found.run_ids == tuple(run.id for run in runs)
    assert (found.max_cost_usd, found.spent_usd, found.unconfirmed_usd) == (1.5, 0, 0)
    assert found.created_at is not None
    assert store.find_evaluation(evaluation.key) == evaluation
    for wanted in runs:
        run = store.get_run(wanted.id)
        assert run.created_at == found.created_at
        assert run == wanted.model_copy(update={"created_at": run.created_at})
        assert run.state == "queued"


def test_what_is_not_there_is_said_so(store: SqlStore) -> None:
    assert store.find_evaluation("nothing") is None
    with pytest.raises(UnknownNameError):
        store.get_evaluation("nothing")
    for run_id in ("nothing", ""):
        with pytest.raises(UnknownNameError):
            store.get_run(run_id)


def test_the_same_submission_twice_is_one_evaluation(store: SqlStore) -> None:
    first, _ = submit(store, key="k")
    second, _ = submit(store, key="k")
    assert second == first
    assert store.list_runs().total == 1


def test_other_parameters_under_the_same_key_are_refused(store: SqlStore) -> None:
    first, _ = submit(store, key="k")
    other = first.model_copy(update={"id": "other", "spec": spec_of(["f1"])})
    with pytest.raises(ConflictError, match=f"'k' belongs to the evaluation {first.id}"):
        store.create_evaluation(other, [])
    assert store.list_runs().total == 1


def test_many_submit_the_same_key_at_once(store: SqlStore) -> None:
    version = save_dataset(store)

    def create(number: int) -> Evaluation:
        evaluation = Evaluation(
            id=f"e{number}", name="e", key="same", spec=spec_of(), run_ids=(f"r{number}",)
        )
        run = Run(id=f"r{number}", evaluation_id=f"e{number}", name="r", spec=run_spec(version))
        return store.create_evaluation(evaluation, [run])

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(create, range(16)))
    assert len({evaluation.id for evaluation in created}) == 1
    assert store.list_runs().total == 1


def test_a_run_over_an_unknown_dataset_version_is_refused(store: SqlStore) -> None:
    version = save_dataset(store).model_copy(update={"id": "gone"})
    evaluation = Evaluation(id="e", name="e", key="k", spec=spec_of(), run_ids=("r",))
    run = Run(id="r", evaluation_id="e", name="r", spec=run_spec(version))
    with pytest.raises(UnknownNameError, match="dataset version"):
        store.create_evaluation(evaluation, [run])
    assert store.find_evaluation("k") is None


def test_a_run_is_found_by_a_beginning_of_its_id(store: SqlStore) -> None:
    version = save_dataset(store)
    ids = ["abc1", "abc2", "ABC3", "a%c", "abc10"]
    evaluation = Evaluation(id="e", name="e", key="k", spec=spec_of(), run_ids=tuple(ids))
    runs = [Run(id=i, evaluation_id="e", name=i, spec=run_spec(version)) for i in ids]
    store.create_evaluation(evaluation, runs)
    assert store.get_run("abc2").id == "abc2"
    assert store.get_run("abc1").id == "abc1"
    assert store.get_run("A").id == "ABC3"
    assert store.get_run("a%").id == "a%c"
    with pytest.raises(EvaluationError, match="Several runs begin with 'abc'"):
        store.get_run("abc")
    with pytest.raises(UnknownNameError):
        store.get_run("b")


def test_runs_are_listed_newest_first_by_state_evaluation_and_text(store: SqlStore) -> None:
    first, (a, b) = submit(store, runs=2)
    second, (c,) = submit(store)
    lease = store.claim_run(a_worker())
    assert lease is not None
    assert lease.run.id == a.id
    page = store.list_runs(limit=2)
    assert ([run.id for run in page.items], page.total, page.offset) == ([c.id, b.id], 3, 0)
    assert [run.id for run in store.list_runs(offset=2).items] == [a.id]
    assert [run.id for run in store.list_runs(states=["running"]).items] == [a.id]
    assert store.list_runs(states=["running", "queued"]).total == 3
    assert [run.id for run in store.list_runs(evaluation_id=first.id).items] == [b.id, a.id]
    assert [run.id for run in store.list_runs(text=b.name.upper()).items] == [b.id]
    assert [run.id for run in store.list_runs(text=second.name.upper()).items] == [c.id]
    assert store.list_runs(text="DATA").total == 3
    assert store.list_runs(text="%").total == 0
    assert store.list_runs(text="_").total == 0
