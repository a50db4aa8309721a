"""People's labels in the store: every answer kept, the last one in force, undo."""

from __future__ import annotations

import pytest
from storage.building import answer, claimed, failed, together

from prompt_app.datamodel.labelling import Annotation, LabelQueue, LabelRubric
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.storage.store import SqlStore


@pytest.fixture
def queue(store: SqlStore) -> LabelQueue:
    return store.create_label_queue(LabelQueue(id="q1", name="first", run_ids=("r",)))


def said(example: str, label: str | None, person: str = "ann") -> Annotation:
    return Annotation(
        example_id=example, labeller=person, labeller_name=person.title(), label=label
    )


def in_force(store: SqlStore) -> list[tuple[str, str, str | None]]:
    return [(each.labeller, each.example_id, each.label) for each in store.list_annotations("q1")]


def test_a_queue_is_found_by_name_and_id(store: SqlStore, queue: LabelQueue) -> None:
    second = LabelQueue(id="q2", name="second", run_ids=("a", "b"), metric="m", people_per_row=2)
    store.create_label_queue(second)
    assert store.get_label_queue("first") == store.get_label_queue("q1") == queue
    assert [each.name for each in store.list_label_queues().items] == ["second", "first"]
    page = store.list_label_queues(offset=1, limit=1)
    assert ([each.name for each in page.items], page.total) == (["first"], 2)
    assert store.get_label_queue("second").is_pair
    with pytest.raises(ConflictError, match="'first' already"):
        store.create_label_queue(LabelQueue(id="q3", name="first", run_ids=("r",)))
    with pytest.raises(UnknownNameError):
        store.get_label_queue("third")


def test_a_changed_rubric_is_a_new_version(store: SqlStore, queue: LabelQueue) -> None:
    assert store.add_label_rubric("q1", queue.rubric).rubric_number == 1
    stricter = LabelRubric(question="Is every word right?")
    changed = store.add_label_rubric("first", stricter)
    assert (changed.rubric, changed.rubric_number) == (stricter, 2)
    assert store.list_label_rubrics("q1") == [queue.rubric, stricter]


def test_the_last_answer_counts_and_every_one_is_kept(store: SqlStore, queue: LabelQueue) -> None:
    store.add_annotations("q1", [said("e1", "pass"), said("e1", "fail", "bob")])
    store.add_annotations("q1", [said("e2", None), said("e1", "fail")])
    assert in_force(store) == [("bob", "e1", "fail"), ("ann", "e2", None), ("ann", "e1", "fail")]
    everything = store.list_annotations("q1", everything=True)
    assert [each.label for each in everything] == ["pass", "fail", None, "fail"]
    assert everything[0].withdrawn_at is not None


def test_undo_brings_back_what_was_said_before(store: SqlStore, queue: LabelQueue) -> None:
    for label in ("pass", "fail"):
        store.add_annotations("q1", [said("e1", label)])
    store.add_annotations("q1", [said("e1", "pass", "bob")])
    taken = store.withdraw_annotation("q1", "ann")
    assert taken is not None
    assert taken.label == "fail"
    assert in_force(store) == [("ann", "e1", "pass"), ("bob", "e1", "pass")]
    assert store.withdraw_annotation("q1", "ann") is not None
    assert store.withdraw_annotation("q1", "ann") is None
    assert in_force(store) == [("bob", "e1", "pass")]


def test_examples_with_a_reply(store: SqlStore) -> None:
    lease = claimed(store)
    store.write_batch(lease, together(answer(2), answer(0), answer(0, repeat=1), failed(1)))
    assert store.answered_examples(lease.run.id) == ["e0", "e2"]
