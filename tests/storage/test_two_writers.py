"""What two people change at once: the second save is refused and nothing is stored."""

from __future__ import annotations

import threading

import pytest
from storage.building import submit

from prompt_app.datamodel.catalogue import Endpoint
from prompt_app.datamodel.labelling import LabelQueue, LabelRubric
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget
from prompt_app.errors import ConflictError
from prompt_app.storage.store import SqlStore


def test_pipelines(store: SqlStore) -> None:
    store.save_pipeline("greet", "upper(a)", based_on=0)
    store.save_pipeline("greet", "title(a)", based_on=1, by="Ann")
    for based_on in (0, 1):
        with pytest.raises(ConflictError, match="version 2 by now, saved by Ann"):
            store.save_pipeline("greet", "lower(a)", based_on=based_on)
    assert store.save_pipeline("greet", "title(a)", based_on=1).number == 2, "it is the same"
    assert store.save_pipeline("greet", "lower(a)").number == 3
    with pytest.raises(ConflictError, match="is gone"):
        store.save_pipeline("other", "lower(a)", based_on=2)


def test_aliases_and_assistants(store: SqlStore) -> None:
    first = ModelRoute(name="fast", targets=(RouteTarget(model="offline:echo"),))
    second, third = (first.model_copy(update={"attempts": n}) for n in (3, 4))
    store.save_route(first, based_on=None)
    store.save_route(second, based_on=first)
    for based_on in (first, None):
        with pytest.raises(ConflictError, match="changed by somebody else"):
            store.save_route(third, based_on=based_on)
    store.save_route(second, based_on=first)  # it is the same
    assert store.list_routes() == [second]
    store.delete_route("fast")
    with pytest.raises(ConflictError, match="was deleted"):
        store.save_route(third, based_on=second)
    tutor = Assistant(name="tutor", context="You teach.", models=("offline:echo",))
    store.save_assistant(tutor)
    with pytest.raises(ConflictError):
        store.save_assistant(tutor.model_copy(update={"context": "You help."}), based_on=None)
    assert store.list_assistants() == [tutor]


def test_endpoints(store: SqlStore) -> None:
    model = ModelSpec(provider="openai", name="llama", base_url="https://models.example.org/v1")
    first = store.save_endpoint(Endpoint(name="mine", model=model))
    store.save_endpoint(Endpoint(name="mine", model=model, note="B"), replace=True, based_on=first)
    with pytest.raises(ConflictError, match="changed or removed"):
        store.save_endpoint(
            Endpoint(name="mine", model=model, note="C"), replace=True, based_on=first
        )
    assert store.get_endpoint("mine").note == "B"


def test_what_labellers_are_asked(store: SqlStore) -> None:
    _, (run,) = submit(store)
    queue = store.create_label_queue(LabelQueue(id="q", name="queue", run_ids=(run.id,)))
    asked = [LabelRubric(question=f"Is it right? {n}") for n in range(2)]
    store.add_label_rubric(queue.id, asked[0], based_on=1)
    with pytest.raises(ConflictError, match="has version 2 by now"):
        store.add_label_rubric(queue.id, asked[1], based_on=1)
    assert store.get_label_queue("queue").rubric == asked[0]


def test_of_many_at_once_one_is_stored(store: SqlStore) -> None:
    store.save_pipeline("greet", "upper(a)")
    refused: list[ConflictError] = []

    def save(number: int) -> None:
        try:
            store.save_pipeline("greet", f"repeat(a, {number})", based_on=1)
        except ConflictError as error:
            refused.append(error)

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(store.list_pipeline_versions("greet")) == 2
